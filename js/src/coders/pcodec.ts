/** Pcodec: exact values that no picture coder carries. */

import { DecodeError } from "../errors.js";

/** Decode `count` values of a dtype, little-endian. */
export async function decode(
  _data: Uint8Array, _count: number, _dtype: string,
): Promise<Uint8Array<ArrayBuffer>> {
  throw new DecodeError("this chunk needs Pcodec, which numcodecs-video does not decode outside Python");
}
