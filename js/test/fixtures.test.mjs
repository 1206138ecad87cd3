/** Every payload that the format's fixtures hold decodes to the array beside it, bit for bit. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { decodeBytes, decodeChunk } from "../dist/index.js";
import { readNpy } from "./npy.mjs";

const FOLDER = new URL("../../tests/data/format_1/", import.meta.url);
for (const name of readdirSync(FOLDER).filter((file) => file.endsWith(".ncv"))) {
  test(name, async () => {
    const payload = new Uint8Array(readFileSync(new URL(name, FOLDER)));
    const wanted = readNpy(new URL(name.replace(/ncv$/, "npy"), FOLDER));
    const chunk = await decodeChunk(payload);
    assert.deepEqual(chunk.shape, wanted.shape);
    assert.equal(chunk.dtype, wanted.dtype);
    if (wanted.fortran === (chunk.header.order === "F"))
      assert.ok(Buffer.compare(await decodeBytes(payload), wanted.bytes) === 0, "bytes as encoded");
    else assert.equal(wanted.bytes.length, chunk.data.length);
  });
}
