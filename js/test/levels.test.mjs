/** The band transform in doubles is that of integers of any size, negative sums included. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeMixer } from "../dist/levels.js";

for (const shift of [4, 13, 31, 32, 33, 40])
  test(`sums of 63 bits, shift ${shift}`, () => {
    const gain = 2 ** 32 - 5;
    const weights = [8191, -16384, 3, 16384, -1, 7];
    const bias = [2n ** BigInt(61 - shift) - 3n, -(2n ** BigInt(61 - shift))];
    const samples = Uint16Array.from({ length: 3 * 500 }, (_, i) => (i * 40503) % 65536);
    const levels = new Float64Array(1000);
    makeMixer({ kind: "linear", parts: 1, gain, shift, weights, bias, frames: 1 }, 16, 2)(samples, 0, 500, levels);
    for (let c = 0; c < 2; c++)
      for (let i = 0; i < 500; i++) {
        const sum = [0, 1, 2].reduce((total, p) => total + BigInt(weights[3 * c + p]) * BigInt(samples[p * 500 + i]), 0n);
        const wanted = (BigInt(gain) * sum + (bias[c] << BigInt(shift - 4)) + (1n << BigInt(shift - 1))) >> BigInt(shift);
        // Beyond 2^53 a level is clipped anyway.
        assert.equal(levels[c * 500 + i], Number(wanted));
      }
  });
