/**
 * Random payloads and stores that Python wrote decode to what Python decodes, bit for bit.
 *
 * They are in $NCV_PAYLOADS, or written there by $NCV_PYTHON (`python3` by default); without the package
 * in that Python these tests are skipped.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import FileSystemStore from "@zarrita/storage/fs";
import * as zarr from "zarrita";

import { decodeBytes, decodeChunk, decodePart, openDates, register } from "../dist/index.js";
import { readNpy } from "./npy.mjs";

register(zarr.registry);

const folder = process.env.NCV_PAYLOADS ?? mkdtempSync(join(tmpdir(), "ncv-"));
const skip = existsSync(join(folder, "0000.ncv")) ? false : write();

function write() {
  const script = fileURLToPath(new URL("make_payloads.py", import.meta.url));
  const run = spawnSync(process.env.NCV_PYTHON ?? "python3", [script, folder, "150"], { encoding: "utf8" });
  return run.status === 0 ? false : `no payloads: ${(run.stderr ?? String(run.error)).trim().split("\n").pop()}`;
}

const same = (a, b) => Buffer.compare(Buffer.from(a.buffer, a.byteOffset, a.byteLength), b) === 0;

describe("random payloads", { skip }, () => {
  for (const name of skip ? [] : readdirSync(folder).filter((file) => file.endsWith(".ncv")))
    test(name, async () => {
      const payload = new Uint8Array(readFileSync(join(folder, name)));
      const wanted = readNpy(join(folder, name.replace(/ncv$/, "npy")));
      const chunk = await decodeChunk(payload);
      assert.deepEqual(chunk.shape, wanted.shape);
      assert.equal(chunk.dtype, wanted.dtype);
      assert.equal(wanted.fortran, chunk.header.order === "F" && wanted.fortran);
      if (wanted.fortran === (chunk.header.order === "F")) assert.ok(same(await decodeBytes(payload), wanted.bytes));
      if (!chunk.header.axes.includes("t") || !chunk.data.length) return;

      // A part is what the whole holds there.
      const t = chunk.header.axes.lastIndexOf("t");
      const index = Math.floor(chunk.shape[t] / 2);
      const selection = chunk.shape.map((n, i) => (i === t ? index : i % 2 ? { start: Math.floor(n / 3) } : null));
      const part = await decodePart(async (start, stop) => payload.subarray(start, stop), selection);
      const starts = selection.map((s) => (s === null ? 0 : typeof s === "number" ? s : s.start));
      const lengths = chunk.shape.map((n, i) => (i === t ? 1 : n - starts[i]));
      const size = chunk.header.itemsize;
      const count = lengths.reduce((a, b) => a * b, 1);
      const bytes = new Uint8Array(part.data.buffer);
      assert.equal(bytes.length, count * size);
      for (let n = 0; n < count; n += 7) {
        let [rest, at, step] = [n, 0, 1];
        for (let i = lengths.length - 1; i >= 0; i--) {
          at += ((rest % lengths[i]) + starts[i]) * step;
          rest = Math.floor(rest / lengths[i]);
          step *= chunk.shape[i];
        }
        for (let b = 0; b < size; b++) assert.equal(bytes[n * size + b], chunk.data[at * size + b]);
      }
    });
});

describe("stores", { skip }, () => {
  const arrays = skip ? [] : ["v3", "v2"].flatMap((format) =>
    readdirSync(join(folder, format)).filter((f) => f.endsWith(".npy")).map((f) => [format, f.slice(0, -4)]));
  const open = (format, name) =>
    zarr.open[format](zarr.root(new FileSystemStore(join(folder, format))).resolve(name), { kind: "array" });
  for (const [format, name] of arrays) {
    test(`zarrita reads ${format}/${name}`, async () => {
      const wanted = readNpy(join(folder, format, `${name}.npy`));
      const read = await zarr.get(await open(format, name));
      assert.deepEqual(read.shape, wanted.shape);
      const bytes = wanted.dtype.startsWith(">")
        ? Buffer.from(wanted.bytes)[{ 2: "swap16", 4: "swap32", 8: "swap64" }[wanted.dtype[2]]]()
        : wanted.bytes;
      // A transposed array comes in the order of its transpose.
      const flat = name === "transposed" || (format === "v2" && name === "u1") ? inOrder(read) : read.data;
      assert.ok(same(flat, bytes));
    });
    if (name === "transposed") continue;
    test(`dates of ${format}/${name}`, async () => {
      const array = await open(format, name);
      const dates = await openDates(array);
      const date = dates.length - 2;
      const { shape, data } = await dates.read(date);
      const wanted = await zarr.get(array, array.shape.map((_, i) => (i ? null : date)));
      assert.deepEqual(shape, wanted.shape);
      assert.deepEqual(Array.from(data), Array.from(inOrder(wanted), Number.isInteger(data[0]) ? Number : (v) => v));
    });
  }
});

function inOrder({ data, shape, stride }) {
  const count = shape.reduce((a, b) => a * b, 1);
  const out = data.constructor.BYTES_PER_ELEMENT ? new data.constructor(count) : new Uint8Array(count);
  for (let n = 0; n < count; n++) {
    let [rest, at] = [n, 0];
    for (let i = shape.length - 1; i >= 0; i--) {
      at += (rest % shape[i]) * stride[i];
      rest = Math.floor(rest / shape[i]);
    }
    out[n] = data.get ? data.get(at) : data[at];
  }
  return out;
}
