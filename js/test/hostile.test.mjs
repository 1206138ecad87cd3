/** Damaged payloads: a short run of fuzz.mjs, and the errors' words, which are Python's. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { crc32 } from "../dist/crc32.js";
import { DecodeError, decodeChunk, UnsupportedVersionError } from "../dist/index.js";
import { fuzz, payloadsIn } from "./fuzz.mjs";

const FOLDER = fileURLToPath(new URL("../../tests/data/format_1/", import.meta.url));
const sound = () => new Uint8Array(readFileSync(`${FOLDER}/hevc_bound.ncv`));

test("mutated payloads decode or throw a DecodeError", async () => {
  const { tally } = await fuzz(payloadsIn([FOLDER]), 1500, 7);
  assert.ok(Object.keys(tally).length > 20);
});

const CASES = [
  ["no payload", (p) => p.fill(0, 0, 4), /^not a numcodecs_video payload: the first bytes differ$/],
  ["empty", () => new Uint8Array(0), /^not a numcodecs_video payload/],
  ["damaged header", (p) => ((p[20] ^= 1), p), /^the payload's header fails its checksum: the chunk is damaged$/],
  ["damaged section", (p) => ((p[p.length - 1] ^= 1), p), /^section \d+ fails its checksum: the chunk is damaged$/],
  ["cut short", (p) => p.slice(0, -1), /^the payload has \d+ bytes instead of \d+$/],
  ["cut in its header", (p) => p.slice(0, 30), /^the payload ends within its header \(30 of \d+ bytes\)$/],
  ["long header", (p) => (p.fill(255, 8, 12), p), /^the payload announces a header of 4294967295 bytes$/],
  ["unknown dtype", (p) => resealed(p, 20, 0x71), /^the payload declares the unknown dtype/],
  ["unknown critical field", (p) => resealed(p, 16, 77), /^the payload's header holds field 77, unknown or for a 2nd time$/],
];

function resealed(payload, at, byte) {
  payload[at] = byte;
  const view = new DataView(payload.buffer);
  const stop = 16 + view.getUint32(8, true);
  view.setUint32(12, crc32(payload.subarray(16, stop), crc32(payload.subarray(0, 12))), true);
  return payload;
}

for (const [name, damage, message] of CASES)
  test(name, () => assert.rejects(decodeChunk(damage(sound())), (error) => error instanceof DecodeError && message.test(error.message)));

test("another version", async () => {
  const payload = sound();
  payload[4] = 9;
  await assert.rejects(decodeChunk(payload), (error) =>
    error instanceof UnsupportedVersionError && /version 9 .* reads version 1: install a newer numcodecs-video/.test(error.message));
});

test("a chunk of one value takes no more than its bytes", async () => {
  // A time axis of 2^39 frames without cells: segments are not listed one by one.
  const payload = new Uint8Array(readFileSync(`${FOLDER}/empty.ncv`));
  const { header } = await decodeChunk(payload);
  assert.ok(header.shape.includes(0));
  const fields = [...payload.subarray(16)];
  const huge = [0, 3, 0x7c, 0x75, 0x31, 3, 0x74, 0x79, 0x78, 3, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 1, 1]; // (2^39, 0, 1), |u1
  const rest = fields.slice(2 + fields[1]);
  const bytes = new Uint8Array([...payload.subarray(0, 16), 1, huge.length, ...huge, ...rest]);
  new DataView(bytes.buffer).setUint32(8, bytes.length - 16, true);
  const chunk = await decodeChunk(resealed(bytes, 16, 1));
  assert.deepEqual([chunk.shape, chunk.data.length], [[2 ** 39, 0, 1], 0]);
});
