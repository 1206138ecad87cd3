/**
 * What one date costs over the network: requests and bytes, on the store of examples/browser.
 *
 *     node test/access.mjs [STORE ARRAY]
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import FileSystemStore from "@zarrita/storage/fs";
import * as zarr from "zarrita";

import { openDates, register } from "../dist/index.js";

register(zarr.registry);
const [store = fileURLToPath(new URL("../../examples/browser/cube.zarr", import.meta.url)), name = "s2"] = process.argv.slice(2);
const array = await zarr.open(zarr.root(new FileSystemStore(store)).resolve(name), { kind: "array" });
const whole = readdirSync(join(store, name), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name !== "zarr.json")
  .reduce((sum, entry) => sum + statSync(join(entry.parentPath ?? entry.path, entry.name)).size, 0);

async function cost(work) {
  const dates = await openDates(array);
  const began = performance.now();
  const count = await work(dates);
  const { requests, bytes } = dates.traffic;
  const per = (value) => Math.round(value / count);
  return `${(requests / count).toFixed(1)} requests, ${per(bytes).toLocaleString("en")} bytes (${((100 * bytes) / count / whole).toFixed(1)} %), ${per(performance.now() - began)} ms`;
}
const every = (dates) => [...Array(dates.length).keys()];
console.log(`${array.shape.join(" x ")} ${array.dtype} in chunks of ${array.chunks.join(" x ")}: ${whole.toLocaleString("en")} bytes`);
const middle = Math.floor(array.shape[0] / 2);
console.log("one date, opened anew:", await cost(async (dates) => (await dates.read(middle), 1)));
console.log("each of all dates, in order:", await cost(async (dates) => {
  for (const date of every(dates)) await dates.read(date);
  return dates.length;
}));
