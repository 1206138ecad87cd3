/** The adaptive coder runs the very module that Python runs. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

test("the kernel is Python's, byte for byte", () => {
  const [copy, original] = ["../wasm/adaptive.wasm", "../../numcodecs_video/coders/adaptive/kernel.wasm"]
    .map((path) => readFileSync(new URL(path, import.meta.url)));
  assert.ok(copy.equals(original));
});
