/**
 * Decoding speed in MB/s of decoded values, beside Python's on the same payloads and one thread.
 *
 *     node test/speed.mjs        with the Python of $NCV_PYTHON, `python3` by default
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { decodeChunk } from "../dist/index.js";

const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), "ncv-"));
const script = fileURLToPath(new URL("speed.py", import.meta.url));
const run = spawnSync(process.env.NCV_PYTHON ?? "python3", [script, folder], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
if (run.status) process.exit(run.status);
const python = JSON.parse(run.stdout);

console.log("| payload | ratio | JavaScript | Python |\n|---|---|---|---|");
for (const name of readdirSync(folder).filter((file) => file.endsWith(".ncv"))) {
  const payload = new Uint8Array(readFileSync(join(folder, name)));
  let [best, size] = [Infinity, 0];
  for (let i = 0; i < 6; i++) {
    const began = process.cpuUsage();
    size = (await decodeChunk(payload)).data.length;
    const { user, system } = process.cpuUsage(began);
    best = Math.min(best, (user + system) / 1e6);
  }
  const label = name.slice(0, -4);
  console.log(`| ${label} | ${(size / payload.length).toFixed(1)} | ${(size / 1e6 / best).toFixed(0)} MB/s | ${python[label].toFixed(0)} MB/s |`);
}
