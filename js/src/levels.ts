/**
 * Samples to levels, in whole numbers that doubles hold exactly. Levels are clipped to 0 ... top, which
 * is below 2^53 here, so that a sum rounded from 2^53 on is still clipped to the same level.
 */

import type { Samples } from "./coders/index.js";
import { DecodeError } from "./errors.js";
import type { Transform } from "./header.js";

/** Planes of a time step, or of a group of them, of `bands` bands. */
export function planesOf(transform: Transform, bands: number): number {
  if (transform.kind === "parts") return transform.parts * bands;
  const mixed = bands * transform.frames;
  return transform.weights.length ? Math.floor(transform.weights.length / mixed) : mixed;
}

/** Whether a level depends on more than one sample, or on another frame's. */
export function mixes(transform: Transform): boolean {
  return transform.weights.length > 0 || transform.parts > 1 || transform.frames > 1;
}

/** Write the levels (C, cells) of samples (P, cells) that begin at `at`, those of a group's frames one after the other. */
export type Mixer = (samples: Samples, at: number, cells: number, levels: Float64Array) => void;

/** How the header's transform makes levels of samples. */
export function makeMixer(transform: Transform, bits: number, bandsOfFrame: number): Mixer {
  const bands = bandsOfFrame * transform.frames;
  if (transform.kind === "parts") {
    if (transform.parts * bits > 64) throw new DecodeError("the payload's planes hold more than 64 bits a value");
    return partsMixer(transform.parts, bits, bands);
  }
  const { gain, shift, weights, bias } = transform;
  if (bias.length !== bands || weights.length % bands)
    throw new DecodeError("the payload's band transform does not match its bands");
  const planes = planesOf(transform, bandsOfFrame);
  const sums = bias.map((b) => b * 2n ** BigInt(shift - 4) + 2n ** BigInt(shift - 1));
  let largest = weights.length ? 0 : 1;
  for (let c = 0; c < bands && weights.length; c++) {
    const row = weights.slice(c * planes, (c + 1) * planes);
    largest = Math.max(largest, row.reduce((sum, w) => sum + Math.abs(w), 0));
  }
  const most = sums.reduce((most, b) => Math.max(most, Math.abs(Number(b))), 0);
  const row = (c: number) => weights.slice(c * planes, (c + 1) * planes);
  const narrow = largest * (2 ** bits - 1) * gain + most < 2 ** 53;
  const finish = narrow ? shiftNarrow : shiftWide;
  return (samples, at, cells, levels) => {
    for (let c = 0; c < bands; c++) {
      const out = levels.subarray(c * cells, (c + 1) * cells);
      if (weights.length) sumPlanes(row(c), samples, at, out);
      else for (let i = 0, from = at + c * cells; i < cells; i++) out[i] = samples[from + i];
      finish(out, gain, sums[c], shift);
    }
  };
}

function partsMixer(parts: number, bits: number, bands: number): Mixer {
  return (samples, at, cells, levels) => {
    const size = bands * cells;
    for (let i = 0; i < size; i++) levels[i] = samples[at + i];
    for (let part = 1; part < parts; part++) {
      const unit = 2 ** (bits * part);
      for (let i = 0, from = at + part * size; i < size; i++) levels[i] += samples[from + i] * unit;
    }
  };
}

/** The weighted sum of planes: below 2^44, thus exact in any order. Four planes a pass. */
function sumPlanes(weights: number[], samples: Samples, at: number, out: Float64Array): void {
  const cells = out.length;
  const planes = weights.length;
  out.fill(0);
  let p = 0;
  for (; p + 4 <= planes; p += 4) {
    const [w0, w1, w2, w3] = weights.slice(p, p + 4);
    const [p0, p1, p2, p3] = [0, 1, 2, 3].map((n) => at + (p + n) * cells);
    for (let i = 0; i < cells; i++)
      out[i] += w0 * samples[p0 + i] + w1 * samples[p1 + i] + w2 * samples[p2 + i] + w3 * samples[p3 + i];
  }
  for (; p < planes; p++) {
    const [w, from] = [weights[p], at + p * cells];
    for (let i = 0; i < cells; i++) out[i] += w * samples[from + i];
  }
}

/** `(gain * level + bias) >> shift` where no sum reaches 2^53. */
function shiftNarrow(levels: Float64Array, gain: number, bias: bigint, shift: number): void {
  const [sum, scale] = [Number(bias), 2 ** -shift];
  for (let i = 0; i < levels.length; i++) levels[i] = Math.floor((levels[i] * gain + sum) * scale);
}

/** The same for sums of 63 bits: as `high * 2^32 + low`, levels cut in pieces of 16 bits. */
function shiftWide(levels: Float64Array, gain: number, bias: bigint, shift: number): void {
  const [biasHigh, biasLow] = [Number(bias >> 32n), Number(bias & 0xffffffffn)];
  // Products with powers of two are exact, and much faster than quotients.
  const [piece, inverse, word, wordInverse] = [2 ** 16, 2 ** -16, 2 ** 32, 2 ** -32];
  const [highScale, lowScale] = [2 ** (32 - shift), 2 ** -shift];
  const count = levels.length;
  for (let i = 0; i < count; i++) {
    const level = levels[i];
    const rest = Math.floor(level * inverse);
    const [piece0, piece2] = [level - rest * piece, Math.floor(rest * inverse)];
    const middle = gain * (rest - piece2 * piece);
    const carried = Math.floor(middle * inverse);
    const sum = gain * piece0 + (middle - carried * piece) * piece + biasLow;
    const carry = Math.floor(sum * wordInverse);
    const high = (gain * piece2 + carried + biasHigh + carry) * highScale;
    levels[i] = shift <= 32 ? high + Math.floor((sum - carry * word) * lowScale) : Math.floor(high);
  }
}

/** Clip levels to 0 ... top, in place. */
export function clipLevels(levels: Float64Array, top: number): void {
  for (let i = 0; i < levels.length; i++) {
    const level = levels[i];
    levels[i] = level < 0 ? 0 : level > top ? top : level;
  }
}
