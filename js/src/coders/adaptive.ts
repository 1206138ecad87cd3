/**
 * The adaptive coder: levels without loss, by the kernel that Python runs, the very same module. Here is
 * what its bytes are around the kernel's stream: docs/adaptive_format.md.
 */

import { DecodeError } from "../errors.js";
import type { Layer, Shape4 } from "../header.js";
import { type Known, newSamples, type Samples } from "./index.js";
import { type Instance, WasmModule } from "./wasm.js";

interface Kernel extends Instance {
  setup(
    mode: number, planes: number, height: number, width: number, top: number, beside: number,
    decodes: number, streamBytes: number, frames: number,
  ): number;
  samples_at(): number;
  valid_at(): number;
  beside_at(): number;
  stream_at_(): number;
  stream_used(): number;
  weights_at(): number;
  set_weights(band: number): void;
  begin(decodes: number): void;
  code_frame(): number;
}

const MODULE = new WasmModule<Kernel>(new URL("../../wasm/adaptive.wasm", import.meta.url));

const [FEATURES, GROUPS] = [24, 2];
const [NUMBERS, CLASSES, QUICK, EXPRESS] = [0, 1, 2, 3];
const [CLASSES_BIT, BESIDE_BIT, QUICK_BIT, EXPRESS_BIT] = [1, 2, 64, 128];
const [PRECISION_SHIFT, PRECISION_MASK] = [2, 15];
/** The bits of a weight's fraction in the kernel. */
const FINEST = 12;
/** A weight as a zigzag number stays below. */
const LARGEST_WEIGHT = 2 ** 16;
/** Cells of a frame, all planes: the kernel's memory holds some 60 bytes of each. */
const LARGEST_FRAME = 2 ** 25;
/** The decoder reads so many bytes beyond the end of a sound stream. */
const BEYOND = 3;
/** What a segment may take: some time, and so much a cell, thirty times what the slowest needs. */
const [MOST_MS, MOST_MS_A_CELL] = [10_000, 0.1];

/** Decode one segment, (frames, planes, Y, X). */
export async function decode(
  layer: Layer, shared: Uint8Array, data: Uint8Array, shape: Shape4, known: Known,
): Promise<Samples> {
  const what = "the adaptive coder's stream";
  const [frames, planes, height, width] = shape;
  const cells = planes * height * width;
  const { top, mode, weights } = readShared(layer, shared, planes, known.beside !== null);
  if (cells > LARGEST_FRAME) throw new DecodeError(`a frame must have at most ${LARGEST_FRAME} cells, got ${cells}`);
  const { sources, body } = readSources(data, frames);
  const out = newSamples(layer.bits, frames * cells);
  if (!out.length) return out;
  await MODULE.run(what, (kernel) => {
    if (!kernel.setup(mode, planes, height, width, top, Number(known.beside !== null), 1, body.length, 1))
      throw new DecodeError(`${what} cannot be decoded: there is no memory for frames of ${cells} cells`);
    // From here on memory does not grow, and views of it stay.
    const memory = kernel.memory.buffer;
    const bytesAt = (address: number, length: number) => new Uint8Array(memory, address >>> 0, length);
    const wordsAt = (address: number, length: number) => new Int32Array(memory, address >>> 0, length);
    for (let plane = 0; plane < planes && mode !== CLASSES; plane++) {
      const count = GROUPS * FEATURES;
      wordsAt(kernel.weights_at(), count).set(weights.subarray(plane * count, (plane + 1) * count));
      kernel.set_weights(plane);
    }
    bytesAt(kernel.stream_at_(), body.length).set(body);
    const samples = wordsAt(kernel.samples_at(), cells);
    const valid = bytesAt(kernel.valid_at(), cells).fill(1);
    const beside = known.beside && wordsAt(kernel.beside_at(), cells);
    kernel.begin(1);
    const stop = performance.now() + MOST_MS + MOST_MS_A_CELL * out.length;
    for (let t = 0; t < frames; t++) {
      const frame = out.subarray(t * cells, (t + 1) * cells);
      known.valid?.(t, valid);
      const source = sources.get(t);
      if (source !== undefined) {
        const from = source * cells;
        for (let i = 0; i < cells; i++) frame[i] = valid[i] ? out[from + i] : 0;
        continue;
      }
      if (beside) known.beside?.(t, beside);
      if (!kernel.code_frame()) throw new DecodeError(`${what} ends early`);
      frame.set(samples);
      if (performance.now() > stop) throw new DecodeError(`${what} is damaged: it takes too long`);
    }
    if (kernel.stream_used() >>> 0 !== body.length + BEYOND) throw new DecodeError(`${what} is damaged`);
  });
  return out;
}

interface Shared {
  top: number;
  mode: number;
  /** Of each plane and group, as the kernel takes them. */
  weights: Int32Array;
}

function readShared(layer: Layer, shared: Uint8Array, planes: number, besideGiven: boolean): Shared {
  const number = readVarint(shared, 0, 11);
  if (!number) throw new DecodeError("the payload ends within a number");
  const [top, at] = number;
  if ((layer.bits !== 8 && layer.bits !== 16) || top >= 2 ** layer.bits)
    throw new DecodeError(`the adaptive coder has no samples of ${layer.bits} bits up to ${top}`);
  const damaged = () => new DecodeError("the adaptive coder's shared bytes are damaged");
  const flags = shared[at];
  if (at === shared.length || !!(flags & BESIDE_BIT) !== besideGiven) throw damaged();
  const rest = shared.subarray(at + 1);
  if (flags & CLASSES_BIT) {
    if (rest.length || flags & ~(CLASSES_BIT | BESIDE_BIT)) throw damaged();
    return { top, mode: CLASSES, weights: new Int32Array(0) };
  }
  const precision = (flags >> PRECISION_SHIFT) & PRECISION_MASK;
  const mode = flags & EXPRESS_BIT ? EXPRESS : flags & QUICK_BIT ? QUICK : NUMBERS;
  if (precision > FINEST || (mode === EXPRESS && flags & QUICK_BIT)) throw damaged();
  const weights = readWeights(rest, planes * GROUPS);
  for (let i = 0; i < weights.length; i++) weights[i] <<= FINEST - precision;
  return { top, mode, weights };
}

/** Rice codes, highest bits first, one parameter a group of weights. */
function readWeights(data: Uint8Array, groups: number): Int32Array {
  const damaged = () => new DecodeError("the weights of the predictors are damaged");
  const size = 8 * data.length;
  // A group takes four bits, and a weight at least one.
  if (groups * (4 + FEATURES) > size) throw damaged();
  const found = new Int32Array(groups * FEATURES);
  let at = 0;
  const bit = () => {
    if (at >= size) throw damaged();
    const value = (data[at >> 3] >> (7 - (at & 7))) & 1;
    at++;
    return value;
  };
  const bits = (count: number) => {
    let value = 0;
    for (let i = 0; i < count; i++) value = (value << 1) | bit();
    return value;
  };
  for (let i = 0, k = 0; i < found.length; i++) {
    if (i % FEATURES === 0) k = bits(4);
    let ones = 0;
    while (bit()) if (++ones << k >= LARGEST_WEIGHT) throw damaged();
    const zigzag = (ones << k) | bits(k);
    found[i] = zigzag & 1 ? -(zigzag >> 1) - 1 : zigzag >> 1;
  }
  if (Math.ceil(at / 8) !== data.length) throw damaged();
  while (at < size) if (bit()) throw damaged();
  return found;
}

/** The frames that repeat another, each with that one, and the kernel's stream behind. */
function readSources(data: Uint8Array, frames: number): { sources: Map<number, number>; body: Uint8Array } {
  const damaged = () => new DecodeError("the adaptive coder's list of repeated frames is damaged");
  let at = 0;
  const read = () => {
    const found = readVarint(data, at, 5);
    if (!found) throw damaged();
    at = found[1];
    return found[0];
  };
  const count = read();
  if (count > frames) throw damaged();
  const sources = new Map<number, number>();
  for (let i = 0, last = -1; i < count; i++) {
    last += read() + 1;
    const source = last - read() - 1;
    if (last >= frames || source < 0) throw damaged();
    sources.set(last, source);
  }
  return { sources, body: data.subarray(at) };
}

/** A number of at most so many bytes, and the position behind it; null where there is none. */
function readVarint(data: Uint8Array, start: number, mostBytes: number): [number, number] | null {
  const stop = Math.min(data.length, start + mostBytes);
  for (let value = 0, unit = 1, at = start; at < stop; unit *= 128) {
    const byte = data[at++];
    value += (byte & 127) * unit;
    if (byte < 128) return [value, at];
  }
  return null;
}
