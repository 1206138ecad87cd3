/** What the modules of still pictures, JPEG XL and JPEG 2000, have in common. */

import { DecodeError } from "../errors.js";
import { allocate, type Exports, put, take, type WasmModule } from "./wasm.js";
import type { Samples } from "./index.js";

export interface Pictures extends Exports {
  decode(
    data: number, size: number, planes: number, height: number, width: number, depth: number, out: number,
  ): number;
}

/** The planes of one picture, one after the other. */
export function decodePicture(
  module: WasmModule<Pictures>, what: string, data: Uint8Array,
  planes: number, height: number, width: number, bits: number,
): Promise<Samples> {
  return module.run(what, (pictures) => {
    const size = planes * height * width * (bits === 8 ? 1 : 2);
    const input = put(pictures, data, what);
    const out = allocate(pictures, size, what);
    const failed = pictures.decode(input, data.length, planes, height, width, bits, out);
    const bytes = failed ? null : take(pictures, out, size);
    pictures.free(input);
    pictures.free(out);
    if (!bytes) throw new DecodeError(`${what} cannot be decoded: its decoder failed at step ${failed}`);
    return bits === 8 ? bytes : new Uint16Array(bytes.buffer);
  });
}
