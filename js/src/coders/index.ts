/**
 * The coders of samples. A new one is a file beside this one, a line in `decodeSamples` (or in
 * `decode.ts`, if it codes values exactly), and its name in the list of `header.ts`.
 */

import { DecodeError } from "../errors.js";
import type { Layer, Shape4 } from "../header.js";
import * as adaptive from "./adaptive.js";
import * as jpeg2k from "./jpeg2k.js";
import * as jpegxl from "./jpegxl.js";
import * as video from "./video.js";
import * as zstd from "./zstd.js";

export type Samples = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/** What a reader knows of a segment before it decodes a layer; the adaptive coder is told. */
export interface Known {
  /** Write which cells (planes, Y, X) of a frame are valid, 1 or 0; null where all are. */
  valid: ((frame: number, cells: Uint8Array) => void) | null;
  /** Write what is beside a frame's samples. */
  beside: ((frame: number, cells: Int32Array) => void) | null;
}

export const NOTHING: Known = { valid: null, beside: null };

export function newSamples(bits: number, count: number): Samples {
  try {
    return bits === 8 ? new Uint8Array(count) : new Uint16Array(count);
  } catch {
    throw new DecodeError(`there is no memory for a segment of ${count} samples`);
  }
}

/** Samples (frames, planes, Y, X) of one segment of a base or residual layer. */
export async function decodeSamples(
  layer: Layer, shared: Uint8Array, data: Uint8Array, shape: Shape4, known: Known,
): Promise<Samples> {
  const count = shape.reduce((product, n) => product * n);
  const own = layer.coder === "zstd" || layer.coder === "adaptive";
  let samples = newSamples(layer.bits, own ? 0 : count);
  switch (layer.coder) {
    case "zstd": {
      const size = samples.BYTES_PER_ELEMENT;
      const bytes = zstd.unshuffle(await zstd.decompress(data, count * size), size);
      samples = size === 1 ? bytes : new Uint16Array(bytes.buffer);
      break;
    }
    case "ffv1":
    case "hevc":
    case "vp9":
    case "av1":
    case "h264":
      await video.decode(layer, shared, data, shape, samples);
      break;
    case "jpegxl":
      await jpegxl.decode(data, shape, layer.bits, samples);
      break;
    case "jpeg2k":
    case "htj2k":
      await jpeg2k.decode(layer, shared, data, shape, samples);
      break;
    case "adaptive":
      samples = await adaptive.decode(layer, shared, data, shape, known);
      break;
    default:
      throw new DecodeError(`the payload codes samples by ${layer.coder}, which cannot hold them`);
  }
  if (layer.delta) addDifferences(samples, shape, layer.bits);
  return samples;
}

/** Undo differences in time, in place. */
function addDifferences(samples: Samples, [frames, planes, height, width]: Shape4, bits: number): void {
  const cells = planes * height * width;
  const half = 2 ** (bits - 1);
  const mask = 2 ** bits - 1;
  const last = frames * cells;
  for (let i = 0; i < cells && i < last; i++) samples[i] &= mask;
  for (let i = cells; i < last; i++) samples[i] = (samples[i - cells] + samples[i] - half) & mask;
}
