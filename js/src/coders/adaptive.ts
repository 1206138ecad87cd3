/**
 * The adaptive coder: the kernel that Python runs, fed frame by frame. `docs/adaptive_format.md` specifies
 * its bytes.
 */

import { DecodeError } from "../errors.js";
import type { Layer, Shape4 } from "../header.js";
import type { Known, Samples } from "./index.js";
import { type Exports, WasmModule } from "./wasm.js";

interface Kernel extends Exports {
  setup(
    mode: number, bands: number, height: number, width: number, top: number, beside: number, decodes: number,
    streamBytes: number,
  ): number;
  set_weights(band: number): void;
  begin(decode: number): void;
  code_frame(): number;
  stream_used(): number;
  stream_at_(): number;
  weights_at(): number;
  samples_at(): number;
  valid_at(): number;
  beside_at(): number;
}

const MODULE = new WasmModule<Kernel>(new URL("../../wasm/adaptive.wasm", import.meta.url));
const [FEATURES, GROUPS] = [24, 2];
const [CLASSES_BIT, BESIDE_BIT] = [1, 2];
const LARGEST_TOP = 2 ** 24;
const LARGEST_CLASS = 2 ** 16 - 1;
const LARGEST_FRAME = 2 ** 25;
const LARGEST_ZIGZAG = 65_536;
/** Bits after the point of the finest weights; coarser ones say how many they have. */
const FINEST = 12;

const damaged = (what: string) => new DecodeError(`the adaptive coder's ${what} damaged`);

/** Samples (frames, planes, Y, X) of one segment. */
export async function decode(
  layer: Layer, section: Uint8Array, data: Uint8Array, shape: Shape4, known: Known, out: Samples,
): Promise<void> {
  const [top, start] = readVarint(section, 0, "shared bytes are");
  if ((layer.bits !== 8 && layer.bits !== 16) || top >= 2 ** layer.bits || top > LARGEST_TOP)
    throw new DecodeError(`the adaptive coder has no samples of ${layer.bits} bits up to ${top}`);
  const shared = section.subarray(start);
  const given = known.picture !== null;
  if (!shared.length || !!(shared[0] & BESIDE_BIT) !== given) throw damaged("shared bytes are");
  const [mode, precision] = [shared[0] & CLASSES_BIT, shared[0] >> 2];
  if (mode ? top > LARGEST_CLASS || shared.length > 1 || precision : precision > FINEST)
    throw damaged("shared bytes are");
  const [frames, bands, height, width] = shape;
  const cells = bands * height * width;
  if (cells > LARGEST_FRAME) throw new DecodeError(`a frame of ${cells} cells is beyond the adaptive coder`);
  const [sources, body] = readSources(data, frames);
  if (!out.length) return;
  const what = "the adaptive coder's stream";
  await MODULE.run(what, (kernel) => {
    if (!kernel.setup(mode, bands, height, width, top, given ? 1 : 0, 1, body.length))
      throw new DecodeError(`${what} cannot be decoded: there is no memory`);
    if (!mode) setWeights(kernel, shared, bands);
    new Uint8Array(kernel.memory.buffer, kernel.stream_at_() >>> 0, body.length).set(body);
    kernel.begin(1);
    for (let t = 0; t < frames; t++) {
      const from = t * cells;
      const mask = known.valid?.subarray(from, from + cells);
      const source = sources.get(t);
      if (source !== undefined) {
        out.copyWithin(from, source * cells, (source + 1) * cells);
        if (mask) for (let i = 0; i < cells; i++) if (!mask[i]) out[from + i] = 0;
        continue;
      }
      const valid = new Uint8Array(kernel.memory.buffer, kernel.valid_at() >>> 0, cells);
      if (mask) valid.set(mask);
      else valid.fill(1);
      if (known.picture)
        new Int32Array(kernel.memory.buffer, kernel.beside_at() >>> 0, cells).set(known.picture.subarray(from, from + cells));
      if (!kernel.code_frame()) throw new DecodeError("the adaptive coder's stream ends early");
      const found = new Int32Array(kernel.memory.buffer, kernel.samples_at() >>> 0, cells);
      for (let i = 0; i < cells; i++) out[from + i] = found[i];
    }
    if (kernel.stream_used() !== body.length + 3) throw damaged("stream is");
  });
}

function readVarint(data: Uint8Array, at: number, what: string): [number, number] {
  for (let value = 0, unit = 1; at < data.length && unit < 2 ** 35; unit *= 128) {
    const byte = data[at++];
    value += (byte & 127) * unit;
    if (byte < 128) return [value, at];
  }
  throw damaged(what);
}

/** The frames that repeat another with that one, and the stream behind. */
function readSources(data: Uint8Array, frames: number): [Map<number, number>, Uint8Array] {
  const what = "list of repeated frames is";
  let at = 0;
  const read = () => {
    let value: number;
    [value, at] = readVarint(data, at, what);
    return value;
  };
  const count = read();
  if (count > frames) throw damaged(what);
  const sources = new Map<number, number>();
  for (let i = 0, last = -1; i < count; i++) {
    last += read() + 1;
    const source = last - read() - 1;
    if (last >= frames || source < 0) throw damaged(what);
    sources.set(last, source);
  }
  return [sources, data.subarray(at)];
}

/** The weights of all bands and groups, read from bits and handed to the kernel. */
function setWeights(kernel: Kernel, shared: Uint8Array, bands: number): void {
  const precision = shared[0] >> 2;
  const what = "weights are";
  let at = 8;
  const end = 8 * shared.length;
  const bit = () => {
    if (at >= end) throw damaged(what);
    const found = (shared[at >> 3] >> (7 - (at & 7))) & 1;
    at++;
    return found;
  };
  const number = (bits: number) => {
    let value = 0;
    for (let i = 0; i < bits; i++) value = 2 * value + bit();
    return value;
  };
  const weights = new Int32Array(GROUPS * FEATURES);
  for (let band = 0; band < bands; band++) {
    for (let group = 0; group < GROUPS; group++) {
      const k = number(4);
      for (let i = 0; i < FEATURES; i++) {
        let ones = 0;
        while (bit()) if (++ones * 2 ** k >= LARGEST_ZIGZAG) throw damaged(what);
        const z = ones * 2 ** k + number(k);
        weights[group * FEATURES + i] = z % 2 ? -(z + 1) / 2 : z / 2;
      }
    }
    const coarse = 2 ** (FINEST - precision);
    const target = new Int32Array(kernel.memory.buffer, kernel.weights_at() >>> 0, weights.length);
    target.set(weights.map((weight) => weight * coarse));
    kernel.set_weights(band);
  }
  while (at % 8) if (bit()) throw damaged(what);
  if (at !== end) throw damaged(what);
}
