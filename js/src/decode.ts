/** A payload to its array: segment by segment, the mirror of the encoder's steps. */

import { decodeSamples, type Known, NOTHING, type Samples } from "./coders/index.js";
import * as pcodec from "./coders/pcodec.js";
import * as zstd from "./coders/zstd.js";
import { DecodeError } from "./errors.js";
import { framesOf, type Header, layerIndex, parseHeader, splitSection } from "./header.js";
import { arrayLayout, rearrange, swapBytes } from "./layout.js";
import { clipLevels, makeMixer, type Mixer, mixes, planesOf } from "./levels.js";
import { decodeClasses, restoreMissing, validPlanes } from "./missing.js";
import { makeValueWriter, type ValueWriter } from "./values.js";

/** Cells that arithmetic is done on at a time: few enough for the processor's cache. */
const BLOCK_CELLS = 2 ** 16;
/** In which a residual is told of its base. */
const PARTS_OF_STEP = 8;

export interface Chunk {
  header: Header;
  shape: number[];
  /** NumPy's type string of the array that was encoded; its byte order does not count for `data`. */
  dtype: string;
  /** The values in C order, little-endian. */
  data: Uint8Array<ArrayBuffer>;
}

/** Decode a whole payload. */
export async function decodeChunk(payload: Uint8Array): Promise<Chunk> {
  const header = parseHeader(payload);
  const cube = await decodeCube(header, wholePayload(header, payload), null);
  return { header, shape: header.shape, dtype: header.dtype, data: rearrange(cube, arrayLayout(header, "C")) };
}

/** Decode a whole payload to the bytes that were encoded: memory order and byte order of the array. */
export async function decodeBytes(payload: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const header = parseHeader(payload);
  const cube = await decodeCube(header, wholePayload(header, payload), null);
  const bytes = rearrange(cube, arrayLayout(header, header.order));
  if (header.dtype[0] === ">") swapBytes(bytes, header.itemsize);
  return bytes;
}

/** The bytes of a section by its number: 0 is the shared one. */
export type SectionReader = (index: number) => Uint8Array;

function wholePayload(header: Header, payload: Uint8Array): SectionReader {
  if (payload.length !== header.payloadSize)
    throw new DecodeError(`the payload has ${payload.length} bytes instead of ${header.payloadSize}`);
  return (index) => payload.subarray(header.sections[index].start, header.sections[index].stop);
}

/**
 * Decode the cube (T, C, Y, X), little-endian; all of it, or, where there are layers, the frames of some
 * segments, one after the other in the order of the list.
 */
export async function decodeCube(
  header: Header, section: SectionReader, segments: number[] | null,
): Promise<Uint8Array<ArrayBuffer>> {
  const { cube, itemsize, segmentFrames } = header;
  const frameBytes = cube[1] * cube[2] * cube[3] * itemsize;
  if (!header.layers.length || !frameBytes || !cube[0]) {
    const out = newBytes(header, cube[0] * frameBytes);
    if (out.length) out.set(await decodeConstant(header));
    for (let filled = itemsize; filled < out.length; filled *= 2) out.copyWithin(filled, 0, filled);
    return out;
  }
  const all = segments ?? Array.from({ length: header.segments }, (_, segment) => segment);
  const lengths = all.map((segment) => framesOf(header, segment)[1] - framesOf(header, segment)[0]);
  const out = newBytes(header, lengths.reduce((sum, n) => sum + n, 0) * frameBytes);
  const shared = splitSection(header, 0, section(0));
  let first = 0;
  for (const [i, segment] of all.entries()) {
    const layers = splitSection(header, segment + 1, section(segment + 1));
    const start = first;
    const place = (frame: number) =>
      (!segments && header.frameOrder ? header.frameOrder[segment * segmentFrames + frame] : start + frame) * frameBytes;
    await decodeSegment(header, shared, layers, lengths[i], out, place);
    first += lengths[i];
  }
  return out;
}

/** The one value of a chunk without layers. */
export async function decodeConstant(header: Header): Promise<Uint8Array<ArrayBuffer>> {
  const value = new Uint8Array(header.itemsize);
  makeValueWriter(header, await decodeTable(header, []), 1)(new Float64Array(1), value, 0);
  return value;
}

function newBytes(header: Header, size: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch {
    throw new DecodeError(`there is no memory for a chunk of shape (${header.shape.join(", ")}) and dtype ${header.dtype}`);
  }
}

/** Decode one segment; frame `t` of it begins at byte `place(t)` of `out`. */
async function decodeSegment(
  header: Header, shared: Uint8Array[], layers: Uint8Array[], frames: number,
  out: Uint8Array<ArrayBuffer>, place: (frame: number) => number,
): Promise<void> {
  const exact = layerIndex(header, "exact");
  if (exact >= 0) {
    const frameCells = header.cube[1] * header.cube[2] * header.cube[3];
    const values = await decodeExact(header, exact, layers[exact], frames * frameCells);
    const frameBytes = frameCells * header.itemsize;
    for (let t = 0; t < frames; t++) out.set(values.subarray(t * frameBytes, (t + 1) * frameBytes), place(t));
    return;
  }
  const classes = await decodeClasses(header, shared, layers, frames);
  await decodeValues(header, shared, layers, frames, validPlanes(header, classes), out, place);
  restoreMissing(header, classes, frames, out, place);
}

async function decodeExact(
  header: Header, index: number, data: Uint8Array, count: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const { coder } = header.layers[index];
  if (coder === "pcodec") return pcodec.decode(data, count, header.dtype);
  if (coder !== "zstd") throw new DecodeError(`the payload stores values by ${coder}, which cannot hold them`);
  return zstd.unshuffle(await zstd.decompress(data, count * header.itemsize), header.itemsize);
}

/** The table of values, empty when the header's values need none. */
async function decodeTable(header: Header, shared: Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
  const { values, itemsize } = header;
  if (values.kind !== "table") return new Uint8Array(0);
  const index = layerIndex(header, "table");
  if (index < 0 || !shared.length || values.top >= 2n ** 16n) throw new DecodeError("the payload lacks the table of its values");
  return zstd.unshuffle(await zstd.decompress(shared[index], (Number(values.top) + 1) * itemsize), itemsize);
}

/** Decode the base (levels are zero without one) and the residual of a segment. */
async function decodeValues(
  header: Header, shared: Uint8Array[], layers: Uint8Array[], frames: number, valid: Known["valid"],
  out: Uint8Array<ArrayBuffer>, place: (frame: number) => number,
): Promise<void> {
  const { transform, cube, itemsize, values } = header;
  const [, bands, height, width] = cube;
  const table = await decodeTable(header, shared);
  const samplesOf = (index: number, pictures: number, planes: number, known: Known): Promise<Samples> | null =>
    index < 0
      ? null
      : decodeSamples(header.layers[index], shared[index], layers[index], [pictures, planes, height, width], known);
  const [baseIndex, residualIndex] = [layerIndex(header, "base"), layerIndex(header, "residual")];
  const [cells, top] = [height * width, Number(values.top)];
  const knownOfBase = transform.weights.length || transform.frames > 1 ? NOTHING : { valid, beside: null };
  const groups = Math.ceil(frames / transform.frames);
  const base = await samplesOf(baseIndex, groups, planesOf(transform, bands), knownOfBase);
  const mix = base && makeMixer(transform, header.layers[baseIndex].bits, bands);
  const levelsOf = base && mix && frameLevels(header, base, mix);
  const picture = levelsOf && besideResidual(header, baseIndex, residualIndex, levelsOf);
  const residual = await samplesOf(residualIndex, frames, bands, { valid, beside: picture });
  const write = makeValueWriter(header, table, frames * bands * cells);
  if (base && mix && !residual && !mixes(transform) && 2 ** header.layers[baseIndex].bits < frames * cells) {
    const lookup = valuesOfSamples(mix, write, header.layers[baseIndex].bits, bands, top, itemsize);
    for (let t = 0; t < frames; t++)
      for (let c = 0; c < bands; c++)
        lookUpPlane(lookup[c], itemsize, base, (t * bands + c) * cells, cells, out, place(t) + c * cells * itemsize);
    return;
  }
  const frameCells = bands * cells;
  const levels = new Float64Array(frameCells);
  for (let t = 0; t < frames; t++) {
    if (levelsOf) levelsOf(t, levels);
    else levels.fill(0);
    if (residual) {
      const { offset, step } = header.layers[residualIndex];
      for (let i = 0, from = t * frameCells; i < frameCells; i++) levels[i] += step * (residual[from + i] - offset);
      clipLevels(levels, top);
    }
    for (let from = 0, at = place(t) / itemsize; from < frameCells; from += BLOCK_CELLS)
      write(levels.subarray(from, Math.min(from + BLOCK_CELLS, frameCells)), out, at + from);
  }
}

/** Writes the levels (C, cells) of a frame of a base, within their range. */
type FrameLevels = (frame: number, levels: Float64Array) => void;

function frameLevels(header: Header, base: Samples, mix: Mixer): FrameLevels {
  const { transform, cube, values } = header;
  const [cells, top] = [cube[2] * cube[3], Number(values.top)];
  const pictureSamples = planesOf(transform, cube[1]) * cells;
  if (transform.frames === 1)
    return (frame, levels) => {
      mix(base, frame * pictureSamples, cells, levels);
      clipLevels(levels, top);
    };
  const frameCells = cube[1] * cells;
  const ofGroup = new Float64Array(transform.frames * frameCells);
  let group = -1;
  return (frame, levels) => {
    const [wanted, place] = [Math.floor(frame / transform.frames), frame % transform.frames];
    if (wanted !== group) {
      mix(base, wanted * pictureSamples, cells, ofGroup);
      clipLevels(ofGroup, top);
      group = wanted;
    }
    levels.set(ofGroup.subarray(place * frameCells, (place + 1) * frameCells));
  };
}

/** What a residual is told of its base: levels in parts of the residual's step; null where readers' bases may differ. */
function besideResidual(
  header: Header, baseIndex: number, residualIndex: number, levelsOf: FrameLevels,
): Known["beside"] {
  if (residualIndex < 0 || ["jpeg2k", "htj2k"].includes(header.layers[baseIndex].coder)) return null;
  const { step } = header.layers[residualIndex];
  const levels = new Float64Array(header.cube[1] * header.cube[2] * header.cube[3]);
  return (frame, beside) => {
    levelsOf(frame, levels);
    for (let i = 0; i < levels.length; i++) beside[i] = parts(levels[i], step);
  };
}

/** `8 * level // step`, of which an int32 keeps the lowest bits; 0 where the step is. */
function parts(level: number, step: number): number {
  const scaled = PARTS_OF_STEP * level;
  if (scaled < 2 ** 53 || !step) return Math.floor(scaled / step);
  return Number(BigInt.asIntN(32, BigInt(scaled) / BigInt(step)));
}

/** The value of each sample that a base can hold, where every band is one plane; one table a band. */
function valuesOfSamples(
  mix: Mixer, write: ValueWriter, bits: number, bands: number, top: number, itemsize: number,
): Uint8Array<ArrayBuffer>[] {
  const count = 2 ** bits;
  const every = new (bits === 8 ? Uint8Array : Uint16Array)(bands * count);
  for (let i = 0; i < every.length; i++) every[i] = i % count;
  const levels = new Float64Array(bands * count);
  mix(every, 0, count, levels);
  clipLevels(levels, top);
  return Array.from({ length: bands }, (_, c) => {
    const table = new Uint8Array(count * itemsize);
    write(levels.subarray(c * count, (c + 1) * count), table, 0);
    return table;
  });
}

function lookUpPlane(
  table: Uint8Array<ArrayBuffer>, itemsize: number, samples: Samples, from: number, count: number,
  out: Uint8Array<ArrayBuffer>, start: number,
): void {
  if (itemsize === 8) {
    const [values, to] = [new Uint32Array(table.buffer), new Uint32Array(out.buffer, start, 2 * count)];
    for (let i = 0; i < count; i++) {
      const sample = samples[from + i];
      to[2 * i] = values[2 * sample];
      to[2 * i + 1] = values[2 * sample + 1];
    }
    return;
  }
  const Words = itemsize === 1 ? Uint8Array : itemsize === 2 ? Uint16Array : Uint32Array;
  const [values, to] = [new Words(table.buffer), new Words(out.buffer, start, count)];
  const last = values.length - 1; // a damaged sample may be of more bits than it should be
  for (let i = 0; i < count; i++) {
    const sample = samples[from + i];
    to[i] = values[sample < last ? sample : last];
  }
}
