/**
 * Damaged payloads, checksums made right again: each decodes to an array or throws a DecodeError, in time
 * and memory that fit the chunk that it declares.
 *
 *     node test/fuzz.mjs [COUNT] [SEED] [FOLDER ...]
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

const SLOW_MS = 20_000;

/** Deterministic: xorshift32. */
function generator(seed) {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

async function decodeAll({ seeds, count, seed }) {
  const { crc32 } = await import("../dist/crc32.js");
  const { DecodeError, decodeChunk } = await import("../dist/index.js");

  /** Where the index field has the checksum of each section, and where its sections are. */
  function sectionsOf(payload) {
    const view = new DataView(payload.buffer, payload.byteOffset);
    const stop = 16 + view.getUint32(8, true);
    let at = 16;
    let layers = 0;
    const varint = () => {
      let [value, unit] = [0, 1];
      for (;;) {
        const byte = payload[at++];
        value += (byte & 127) * unit;
        unit *= 128;
        if (byte < 128) return value;
      }
    };
    const found = [];
    while (at < stop) {
      const tag = payload[at++];
      const length = varint();
      const next = at + length;
      if (tag === 2) layers = payload[at];
      if (tag === 8) {
        let start = stop;
        for (let n = varint(); n > 0; n--) {
          let size = 0;
          for (let i = 0; i < layers; i++) size += varint();
          found.push({ crc: at, start, stop: start + size });
          start += size;
          at += 4;
        }
      }
      at = next;
    }
    return found;
  }

  function mutate(original, random) {
    let payload = original.slice();
    const view = () => new DataView(payload.buffer);
    const header = 16 + view().getUint32(8, true);
    const kind = random(10);
    const touch = (from, to) => {
      if (to <= from) return;
      for (let n = 1 + random(random(3) ? 3 : 40); n > 0; n--) {
        const at = from + random(to - from);
        const how = random(4);
        payload[at] = how === 0 ? random(256) : how === 1 ? payload[at] ^ (1 << random(8)) : how === 2 ? 255 : payload[at] + random(3) - 1;
      }
    };
    if (kind < 4) touch(16, header);
    else if (kind < 8) {
      const sections = sectionsOf(payload).filter((s) => s.stop > s.start);
      if (sections.length) {
        const section = sections[random(sections.length)];
        touch(section.start, section.stop);
        view().setUint32(section.crc, crc32(payload.subarray(section.start, section.stop)), true);
      }
    } else if (kind === 8) payload = random(2) ? payload.slice(0, random(payload.length)) : new Uint8Array([...payload, random(256)]);
    else touch(0, payload.length);
    const length = payload.length >= 16 ? 16 + view().getUint32(8, true) : Infinity;
    if (kind !== 9 && length <= payload.length)
      view().setUint32(12, crc32(payload.subarray(16, length), crc32(payload.subarray(0, 12))), true);
    return payload;
  }

  const random = generator(seed);
  const tally = {};
  for (let n = 0; n < count; n++) {
    const which = random(seeds.length);
    const payload = mutate(seeds[which], random);
    parentPort.postMessage({ n, which });
    const began = performance.now();
    let outcome;
    try {
      await decodeChunk(payload);
      outcome = "decoded";
    } catch (error) {
      if (!(error instanceof DecodeError)) {
        parentPort.postMessage({ failure: `${error.stack}\npayload ${Buffer.from(payload).toString("base64").slice(0, 3000)}` });
        return;
      }
      outcome = error.message.replace(/\d+/g, "N").replace(/'.*'/s, "'…'").replace(/\(.*\)/, "(…)").slice(0, 70);
    }
    tally[outcome] = (tally[outcome] ?? 0) + 1;
    const ms = performance.now() - began;
    if (ms > SLOW_MS / 10) parentPort.postMessage({ slow: `${ms.toFixed(0)} ms: ${outcome}` });
  }
  parentPort.postMessage({ tally, memory: process.memoryUsage().rss });
}

export function fuzz(seeds, count, seed) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { seeds, count, seed } });
    let last = { n: -1 };
    let watchdog;
    const watch = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => {
        worker.terminate();
        reject(new Error(`payload ${last.n} of seed ${last.which} takes more than ${SLOW_MS} ms`));
      }, SLOW_MS);
    };
    const slow = [];
    worker.on("message", (message) => {
      if (message.failure) reject(new Error(message.failure));
      else if (message.slow) slow.push(message.slow);
      else if (message.tally) {
        clearTimeout(watchdog);
        resolve({ ...message, slow });
      } else {
        last = message;
        watch();
      }
    });
    worker.on("error", reject);
    worker.on("exit", () => clearTimeout(watchdog));
    watch();
  });
}

export function payloadsIn(folders) {
  return folders.flatMap((folder) =>
    readdirSync(folder).filter((name) => name.endsWith(".ncv")).map((name) => new Uint8Array(readFileSync(`${folder}/${name}`))));
}

const FIXTURES = fileURLToPath(new URL("../../tests/data/format_1", import.meta.url));

if (!isMainThread && workerData?.seeds) await decodeAll(workerData);
else if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [count = "20000", seed = "1", ...folders] = process.argv.slice(2);
  const seeds = payloadsIn([FIXTURES, ...folders]);
  const began = performance.now();
  const { tally, memory, slow } = await fuzz(seeds, Number(count), Number(seed));
  for (const [outcome, times] of Object.entries(tally).sort((a, b) => b[1] - a[1])) console.log(String(times).padStart(7), outcome);
  console.log(`${count} payloads of ${seeds.length} seeds in ${((performance.now() - began) / 1000).toFixed(0)} s, ${(memory / 2 ** 20).toFixed(0)} MiB at the end`);
  for (const line of slow) console.log("slow:", line);
}
