/** The adaptive coder: its module is Python's, and damaged bytes around the kernel's stream are refused. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { decode } from "../dist/coders/adaptive.js";
import { NOTHING } from "../dist/coders/index.js";
import { DecodeError } from "../dist/index.js";

test("the kernel is Python's, byte for byte", () => {
  const [copy, original] = ["../wasm/adaptive.wasm", "../../numcodecs_video/coders/adaptive/kernel.wasm"]
    .map((path) => readFileSync(new URL(path, import.meta.url)));
  assert.ok(copy.equals(original));
});

const ZEROS = new Array(7).fill(0); // two groups of weights, all 0
const NUMBERS = [255, 1, 0, ...ZEROS];
const CLASSES = [255, 1, 1];
const run = (shared, data, { bits = 8, shape = [4, 1, 8, 8], known = NOTHING } = {}) =>
  decode({ coder: "adaptive", bits }, new Uint8Array(shared), new Uint8Array(data), shape, known);

const CASES = [
  ["no shared bytes", [], [0], {}, /^the payload ends within a number$/],
  ["nothing behind the top", [255, 1], [0], {}, /shared bytes are damaged$/],
  ["a top beyond its depth", [128, 2, 1], [0], {}, /^the adaptive coder has no samples of 8 bits up to 256$/],
  ["a depth that is not there", CLASSES, [0], { bits: 12 }, /no samples of 12 bits/],
  ["levels beside that nobody has", [255, 1, 3], [0], {}, /shared bytes are damaged$/],
  ["levels beside that nobody announced", CLASSES, [0], { known: { valid: null, beside() {} } }, /shared bytes are damaged$/],
  ["bytes behind the classes' flag", [...CLASSES, 0], [0], {}, /shared bytes are damaged$/],
  ["a precision beyond the kernel's", [255, 1, 13 << 2, ...ZEROS], [0], {}, /shared bytes are damaged$/],
  ["a quick model of classes", [255, 1, 1 | 1 << 6], [0], {}, /shared bytes are damaged$/],
  ["an express model of classes", [255, 1, 1 | 1 << 7], [0], {}, /shared bytes are damaged$/],
  ["two models of numbers", [255, 1, 3 << 6, ...ZEROS], [0], {}, /shared bytes are damaged$/],
  ["too few weights", NUMBERS.slice(0, -1), [0], {}, /^the weights of the predictors are damaged$/],
  ["too many weights", [...NUMBERS, 0], [0], {}, /^the weights of the predictors are damaged$/],
  ["weights without an end", [255, 1, 0, ...new Array(20_000).fill(255)], [0], {}, /^the weights of the predictors are damaged$/],
  ["no stream", CLASSES, [], {}, /list of repeated frames is damaged$/],
  ["more repeated frames than there are", CLASSES, [5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], {}, /list of repeated frames is damaged$/],
  ["a frame that repeats one before the first", CLASSES, [1, 0, 0], {}, /list of repeated frames is damaged$/],
  ["a stream that ends early", NUMBERS, [0], {}, /(ends early|is damaged)$/],
  ["an express stream that ends early", [255, 1, 1 << 7, ...ZEROS], [0], {}, /(ends early|is damaged)$/],
  ["classes that end early", CLASSES, [0, 77, 200, 13], {}, /(ends early|is damaged)$/],
  ["a million frames of nothing", NUMBERS, [0], { shape: [2 ** 20, 1, 1, 1] }, /(ends early|is damaged)$/],
  ["a stream that is too long", CLASSES, [0, ...new Array(5000).fill(0)], {}, /is damaged$/],
  ["a frame that is too large", CLASSES, [0], { shape: [1, 1, 2 ** 13, 2 ** 13] }, /^a frame must have at most 33554432 cells/],
  ["planes beyond the memory", CLASSES, [0], { shape: [1, 2 ** 25, 1, 1] }, /there is no memory/],
];
for (const [name, shared, data, words, message] of CASES)
  test(name, () => assert.rejects(run(shared, data, words), (error) => error instanceof DecodeError && message.test(error.message)));
