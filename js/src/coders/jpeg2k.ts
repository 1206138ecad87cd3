/** JPEG 2000 (ISO/IEC 15444-1) and HTJ2K (15444-15): a codestream a frame, its components the planes. */

import { DecodeError } from "../errors.js";
import type { Layer, Shape4 } from "../header.js";
import { splitUnits } from "../reader.js";
import type { Samples } from "./index.js";
import { decodePicture, type Pictures } from "./pictures.js";
import { WasmModule } from "./wasm.js";

const MOST_PLANES = 4095;
const START = [0xff, 0x4f, 0xff, 0x51];

const MODULE = new WasmModule<Pictures>(new URL("../../wasm/jpeg2k.wasm", import.meta.url));

/** The codestream of a main header and the data of its one tile-part (A.4.2). */
function join(head: Uint8Array, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(head.length + body.length + 16);
  out.set(head);
  out.set([0xff, 0x90, 0, 10, 0, 0], head.length);
  new DataView(out.buffer).setUint32(head.length + 6, body.length + 14);
  out.set([0, 1, 0xff, 0x93], head.length + 10);
  out.set(body, head.length + 14);
  out.set([0xff, 0xd9], out.length - 2);
  return out;
}

/** What a codestream must say of its image, its tile and its components, from byte 8 on. */
function declaredSize([, planes, height, width]: Shape4, bits: number): Uint8Array {
  const out = new Uint8Array(34 + 3 * planes);
  const view = new DataView(out.buffer);
  for (const at of [0, 16]) {
    view.setUint32(at, width);
    view.setUint32(at + 4, height);
  }
  view.setUint16(32, planes);
  for (let p = 0; p < planes; p++) out.set([bits - 1, 1, 1], 34 + 3 * p);
  return out;
}

/** Decode one segment, (frames, planes, Y, X), to `out`. */
export async function decode(
  layer: Layer, shared: Uint8Array, data: Uint8Array, shape: Shape4, out: Samples,
): Promise<void> {
  const { coder, bits } = layer;
  const [frames, planes, height, width] = shape;
  const heads = splitUnits(shared);
  if (heads.length > 1) throw new DecodeError(`a JPEG 2000 stream has ${heads.length} main headers`);
  const units = splitUnits(data);
  if (units.length !== frames)
    throw new DecodeError(`a ${coder} stream holds ${units.length} units for ${frames} frames`);
  const depths = coder === "htj2k" ? bits === 8 || bits === 16 : bits >= 8 && bits <= 16;
  if (!depths || planes > MOST_PLANES || Math.max(height, width) >= 2 ** 31)
    throw new DecodeError(`${coder} codes no planes (${shape.slice(1).join(", ")}) of ${bits} bits`);
  // Image and tile are of the planes' size: checked before the decoder allocates anything.
  const size = declaredSize(shape, bits);
  for (const [t, unit] of units.entries()) {
    const codestream = heads.length ? join(heads[0], unit) : unit;
    if (START.some((byte, i) => codestream[i] !== byte) || size.some((byte, i) => codestream[8 + i] !== byte))
      throw new DecodeError(`a ${coder} codestream is not of the declared size`);
    const picture = await decodePicture(MODULE, `a ${coder} codestream`, codestream, planes, height, width, bits);
    out.set(picture, t * planes * height * width);
  }
}
