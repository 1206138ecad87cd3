/**
 * The page of examples/browser in a headless Chromium: what it reads is what Python wrote.
 *
 *     node test/browser.mjs [PICTURE.png]        with $CHROMIUM, `chromium` by default
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { serve } from "../../examples/browser/serve.mjs";

const picture = process.argv[2] ?? join(mkdtempSync(join(tmpdir(), "ncv-")), "page.png");
let reported;
const report = new Promise((resolve) => {
  reported = resolve;
});
const server = await serve(0, reported);
const url = `http://localhost:${server.address().port}/examples/browser/?test${process.env.NCV_QUERY ?? ""}`;
const profile = mkdtempSync(join(tmpdir(), "ncv-chromium-"));
const browser = spawn(process.env.CHROMIUM ?? "chromium", [
  "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1000,680", `--user-data-dir=${profile}`,
  `--screenshot=${picture}`, url,
], { stdio: ["ignore", "ignore", "pipe"] });
let log = "";
browser.stderr.on("data", (data) => {
  log += data;
});
const ended = new Promise((resolve) => browser.on("exit", resolve));
const outcome = await Promise.race([
  report,
  ended.then(() => new Promise((resolve) => setTimeout(() => resolve({ error: `Chromium ended\n${log.slice(-500)}` }), 2000))),
  new Promise((resolve) => setTimeout(() => resolve({ error: `no report within a minute\n${log.slice(-500)}` }), 60_000)),
]);
await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 20_000))]);
browser.kill();
server.close();
server.closeAllConnections();
console.log(outcome, picture);
assert.equal(outcome.error, undefined);
assert.ok(outcome.same, "a date read alone is that of the whole array");
const digest = process.env.NCV_DIGEST ?? readFileSync(fileURLToPath(new URL("../../examples/browser/cube.sha256", import.meta.url)), "utf8").trim();
assert.equal(outcome.digest, digest, "the array is what Python decodes");
process.exit();
