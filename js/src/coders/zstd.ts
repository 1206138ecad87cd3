/** Zstandard of shuffled bytes: masks, tables, sparse residuals, exact values. */

import { DecodeError } from "../errors.js";
import { allocate, type Exports, put, take, WasmModule } from "./wasm.js";

interface Zstd extends Exports {
  decompress(out: number, capacity: number, data: number, size: number): number;
}

const MODULE = new WasmModule<Zstd>(new URL("../../wasm/zstd.wasm", import.meta.url));

/** Decompress to exactly `size` bytes. */
export async function decompress(data: Uint8Array, size: number): Promise<Uint8Array<ArrayBuffer>> {
  if (!data.length) {
    if (size) throw new DecodeError(`a stream is empty instead of holding ${size} bytes`);
    return new Uint8Array(0);
  }
  const what = "a Zstandard stream";
  return MODULE.run(what, (z) => {
    const input = put(z, data, what);
    const out = allocate(z, size, what);
    const filled = z.decompress(out, size, input, data.length);
    const bytes = filled === size ? take(z, out, size) : null;
    z.free(input);
    z.free(out);
    if (filled < 0) throw new DecodeError(`${what} cannot be decoded: it is damaged or too long`);
    if (!bytes) throw new DecodeError(`${what} holds ${filled} bytes instead of ${size}`);
    return bytes;
  });
}

/** Put all first bytes, then all second ones, and so on, back in their values. */
export function unshuffle(data: Uint8Array<ArrayBuffer>, itemsize: number): Uint8Array<ArrayBuffer> {
  if (itemsize === 1) return data;
  const count = data.length / itemsize;
  const out = new Uint8Array(data.length);
  for (let byte = 0; byte < itemsize; byte++)
    for (let i = 0, from = byte * count, to = byte; i < count; i++, to += itemsize) out[to] = data[from + i];
  return out;
}
