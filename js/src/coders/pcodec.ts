/** Pcodec: exact values that no picture coder carries. */

import { DecodeError } from "../errors.js";
import { allocate, type Exports, put, take, WasmModule } from "./wasm.js";

interface Pcodec extends Exports {
  decode(data: number, size: number, count: number, type: number, out: number): number;
}

/** Pcodec's numbers of its types; booleans are stored as bytes, datetimes and timedeltas as int64. */
const TYPES: Record<string, number> = {
  u4: 1, u8: 2, i4: 3, i8: 4, m8: 4, M8: 4, f4: 5, f8: 6, u2: 7, i2: 8, f2: 9, u1: 10, b1: 10, i1: 11,
};

const MODULE = new WasmModule<Pcodec>(new URL("../../wasm/pcodec.wasm", import.meta.url));

/** Decode `count` values of a dtype, little-endian. */
export async function decode(data: Uint8Array, count: number, dtype: string): Promise<Uint8Array<ArrayBuffer>> {
  const what = "a Pcodec stream";
  const [type, size] = [TYPES[dtype.slice(1, 3)], count * Number(dtype[2])];
  const announced = announcedCount(data);
  if (announced > BigInt(count))
    throw new DecodeError(`${what} announces ${announced} values instead of ${count}`);
  return MODULE.run(what, (pcodec) => {
    const input = put(pcodec, data, what);
    const out = allocate(pcodec, size, what);
    const failed = pcodec.decode(input, data.length, count, type, out);
    const bytes = failed ? null : take(pcodec, out, size);
    pcodec.free(input);
    pcodec.free(out);
    if (!bytes) throw new DecodeError(`${what} cannot be decoded: its decoder failed at step ${failed}`);
    return bytes;
  });
}

/** The number of values that a standalone stream says it holds, lowest bits first after six of its length. */
function announcedCount(data: Uint8Array): bigint {
  if (data.length < 6 || String.fromCharCode(...data.subarray(0, 4)) !== "pco!")
    throw new DecodeError("a Pcodec stream does not begin like one");
  const start = data[4] >= 3 ? 6 : 5;
  let bits = 0n;
  for (let i = Math.min(start + 8, data.length - 1); i >= start; i--) bits = (bits << 8n) | BigInt(data[i]);
  return (bits >> 6n) & ((2n << (bits & 63n)) - 1n);
}
