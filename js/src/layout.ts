/** The cube (T, C, Y, X) to the chunk's own axes and memory order. */

import type { Header } from "./header.js";

/** An array by its lengths, and how far apart (in values) neighbours along each dimension are in a cube. */
export interface Layout {
  shape: number[];
  stride: number[];
  itemsize: number;
}

/** Where a chunk's values are in its cube, dimensions slowest first for the memory order that is wanted. */
export function arrayLayout(header: Header, order: "C" | "F", frames = header.cube[0]): Layout {
  const { axes, itemsize } = header;
  let shape = header.shape.slice();
  const stride = new Array<number>(shape.length);
  let step = 1;
  if (!axes) {
    // A run of values, in the chunk's own memory order.
    for (let k = 0; k < shape.length; k++) {
      const i = header.order === "C" ? shape.length - 1 - k : k;
      stride[i] = step;
      step *= shape[i];
    }
  } else {
    const canonical = shape.map((_, i) => i).sort((a, b) => "tcyx".indexOf(axes[a]) - "tcyx".indexOf(axes[b]));
    if (frames !== header.cube[0]) shape = shape.map((n, i) => (axes[i] === "t" ? frames : n));
    for (const i of canonical.reverse()) {
      stride[i] = step;
      step *= shape[i];
    }
  }
  return order === "C" ? { shape, stride, itemsize } : { shape: shape.reverse(), stride: stride.reverse(), itemsize };
}

/** The values of a cube in the order of a layout; the cube itself where they are in that order. */
export function rearrange(cube: Uint8Array<ArrayBuffer>, { shape, stride, itemsize }: Layout): Uint8Array<ArrayBuffer> {
  let step = 1;
  const contiguous = shape.every((_, k) => {
    const i = shape.length - 1 - k;
    const fits = shape[i] === 1 || stride[i] === step;
    step *= shape[i];
    return fits;
  });
  if (contiguous || !cube.length) return cube;
  const out = new Uint8Array(cube.length);
  // Values of eight bytes are moved as two words, along one more dimension.
  const Words = itemsize === 1 ? Uint8Array : itemsize === 2 ? Uint16Array : Uint32Array;
  const words = itemsize / Words.BYTES_PER_ELEMENT;
  const [from, to] = [new Words(cube.buffer, cube.byteOffset, cube.length / Words.BYTES_PER_ELEMENT), new Words(out.buffer)];
  const dims = words === 1 ? shape : [...shape, words];
  const steps = words === 1 ? stride : [...stride.map((s) => s * words), 1];
  const inner = dims.length - 1;
  const index = new Array<number>(inner).fill(0);
  const [length, jump] = [dims[inner], steps[inner]];
  for (let at = 0, start = 0; at < to.length; ) {
    for (let i = 0, source = start; i < length; i++, source += jump) to[at++] = from[source];
    for (let k = inner - 1; k >= 0; k--) {
      start += steps[k];
      if (++index[k] < dims[k]) break;
      start -= dims[k] * steps[k];
      index[k] = 0;
    }
  }
  return out;
}

/** Reverse the bytes of every value, in place. */
export function swapBytes(bytes: Uint8Array, itemsize: number): void {
  for (let i = 0; i < bytes.length; i += itemsize) bytes.subarray(i, i + itemsize).reverse();
}
