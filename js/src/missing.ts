/** The map of missing cells: decoded from its layer, and its patterns put back. */

import * as adaptive from "./coders/adaptive.js";
import { type Known, NOTHING } from "./coders/index.js";
import * as jpegxl from "./coders/jpegxl.js";
import * as zstd from "./coders/zstd.js";
import { DecodeError } from "./errors.js";
import { type Header, layerIndex, type Shape4 } from "./header.js";

/** The class map of a segment, (frames, C, Y, X) or (frames, 1, Y, X); null where all cells are valid. */
export async function decodeClasses(
  header: Header, shared: Uint8Array[], layers: Uint8Array[], frames: number,
): Promise<Uint8Array | null> {
  const index = layerIndex(header, "missing");
  if (!header.missing || index < 0) return null;
  const [, bands, height, width] = header.cube;
  const mapBands = header.missing.shared ? 1 : bands;
  return decodeMap(header, index, shared[index], layers[index], [frames, mapBands, height, width]);
}

/** Which cells of planes, `c + i * C` of band `c`, the map says are valid. */
export function validPlanes(header: Header, classes: Uint8Array | null): Known["valid"] {
  if (!header.missing || !classes) return null;
  const [, bands, height, width] = header.cube;
  const cells = height * width;
  const mapBands = header.missing.shared ? 1 : bands;
  const hidden = header.missing.patterns.length - header.missing.values;
  return (frame, valid) => {
    for (let start = 0, plane = 0; start < valid.length; start += cells, plane++) {
      const from = (frame * mapBands + (plane % mapBands)) * cells;
      for (let i = 0; i < cells; i++) {
        const number = classes[from + i];
        valid[start + i] = number === 0 || number > hidden ? 1 : 0;
      }
    }
  };
}

/** Restore the missing cells of values (frames, C, Y, X), little-endian; a frame begins at byte `frameStart`. */
export function restoreMissing(
  header: Header, classes: Uint8Array | null, frames: number,
  values: Uint8Array<ArrayBuffer>, frameStart: (frame: number) => number,
): void {
  if (!header.missing || !classes) return;
  const [, bands, height, width] = header.cube;
  const mapBands = header.missing.shared ? 1 : bands;
  const { itemsize } = header;
  const [cells, mapCells] = [bands * height * width, mapBands * height * width];
  const patterns = header.missing.patterns.map((p) => (header.dtype[0] === ">" ? p.slice().reverse() : p));
  for (let t = 0; t < frames; t++) {
    const start = frameStart(t);
    for (let i = 0; i < mapCells; i++) {
      const number = classes[t * mapCells + i];
      if (number) for (let cell = i; cell < cells; cell += mapCells) values.set(patterns[number - 1], start + cell * itemsize);
    }
  }
}

/** The class map of a segment, (frames, C, Y, X). */
async function decodeMap(
  header: Header, index: number, shared: Uint8Array, data: Uint8Array, shape: Shape4,
): Promise<Uint8Array> {
  const { coder } = header.layers[index];
  const count = header.missing ? header.missing.patterns.length : 0;
  const [frames, ...frame] = shape;
  const cells = frame.reduce((product, n) => product * n, 1);
  let classes: Uint8Array;
  if (coder === "zstd") {
    const before = shared.length ? await unpack(shared, cells, count) : new Uint8Array(cells);
    if (shared.length) checkClasses(before, count);
    classes = await unpack(data, frames * cells, count);
    for (let i = 0; i < cells; i++) classes[i] ^= before[i];
    for (let i = cells; i < classes.length; i++) classes[i] ^= classes[i - cells];
  } else if (coder === "jpegxl") {
    const found = new Uint8Array(frames * cells);
    await jpegxl.decode(data, shape, 8, found);
    classes = found;
  } else if (coder === "adaptive") {
    classes = Uint8Array.from(await adaptive.decode({ ...header.layers[index], bits: 8 }, shared, data, shape, NOTHING));
  } else throw new DecodeError("the payload codes its missing cells in a way that is unknown here");
  checkClasses(classes, count);
  return classes;
}

function checkClasses(classes: Uint8Array, count: number): void {
  for (let i = 0; i < classes.length; i++)
    if (classes[i] > count) throw new DecodeError("the map of missing cells names an unknown class");
}

/** A byte a cell; one class alone is packed in bits. */
async function unpack(data: Uint8Array, cells: number, count: number): Promise<Uint8Array<ArrayBuffer>> {
  if (count !== 1) return zstd.decompress(data, cells);
  const packed = await zstd.decompress(data, Math.ceil(cells / 8));
  const out = new Uint8Array(cells);
  for (let i = 0; i < cells; i++) out[i] = (packed[i >> 3] >> (7 - (i & 7))) & 1;
  return out;
}
