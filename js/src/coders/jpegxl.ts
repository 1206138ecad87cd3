/** Lossless JPEG XL: a unit holds the planes of consecutive frames, one below the other. */

import { DecodeError } from "../errors.js";
import type { Shape4 } from "../header.js";
import { splitUnits } from "../reader.js";
import type { Samples } from "./index.js";
import { decodePicture, type Pictures } from "./pictures.js";
import { WasmModule } from "./wasm.js";

const MOST_ROWS = 2048;

const MODULE = new WasmModule<Pictures>(new URL("../../wasm/jpegxl.wasm", import.meta.url));

/** Decode one segment, (frames, planes, Y, X), to `out`. */
export async function decode(data: Uint8Array, shape: Shape4, bits: number, out: Samples): Promise<void> {
  const [frames, planes, height, width] = shape;
  const perUnit = Math.max(1, Math.floor(MOST_ROWS / height));
  const units = splitUnits(data);
  if (units.length !== Math.ceil(frames / perUnit))
    throw new DecodeError(`a JPEG XL stream holds ${units.length} units for ${frames} frames`);
  const cells = height * width;
  for (const [number, unit] of units.entries()) {
    const first = number * perUnit;
    const count = Math.min(perUnit, frames - first);
    const picture = await decodePicture(
      MODULE, "a JPEG XL picture", unit, planes, count * height, width, bits === 8 ? 8 : 16,
    );
    for (let t = 0; t < count; t++)
      for (let p = 0; p < planes; p++) {
        const from = (p * count + t) * cells;
        out.set(picture.subarray(from, from + cells), ((first + t) * planes + p) * cells);
      }
  }
}
