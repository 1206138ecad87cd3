/** The codecs of zarrita.js: a serializer for Zarr format 3, a compressor for format 2. */

import { DecodeError } from "./errors.js";
import { parseHeader } from "./header.js";
import { decode } from "./pool.js";
import { dtypeName } from "./values.js";

/** What is used of zarrita: nothing is imported from it, so that any of its copies will do. */
interface ChunkMetadata {
  dataType: string;
  shape: number[];
  codecs: { name: string; configuration?: { order?: "C" | "F" | number[] } }[];
  fillValue: unknown;
}
interface BytesCodec {
  decode(bytes: Uint8Array): unknown;
}
interface CodecEntry {
  fromConfig(configuration: unknown, metadata: ChunkMetadata): unknown;
}
/** A map from names to functions that give a codec, of types that are zarrita's own. */
export type Registry = Map<string, any>;

const NAMES = ["numcodecs_video", "numcodecs_video_jpeg2k"];

/**
 * Teach zarrita the codecs of numcodecs-video.
 *
 * @example
 * import * as zarr from "zarrita";
 * import { register } from "numcodecs-video";
 * register(zarr.registry);
 */
export function register(registry: Registry): void {
  for (const name of NAMES) {
    registry.set(name, async () => serializer(await registry.get("bytes")()));
    // Where a compressor of format 2 is looked up.
    registry.set(`numcodecs.${name}`, async () => COMPRESSOR);
  }
}

/** The serializer hands little-endian values to zarrita's own codec of plain bytes, which knows its arrays. */
function serializer(bytes: CodecEntry): CodecEntry {
  return {
    fromConfig(_configuration: unknown, metadata: ChunkMetadata) {
      const plain = bytes.fromConfig({ endian: "little" }, metadata) as BytesCodec;
      const shape = storedShape(metadata);
      return {
        kind: "array_to_bytes",
        encode: refuse,
        async decode(payload: Uint8Array) {
          // First, so that a forged chunk takes no more memory than the array's metadata say.
          const header = parseHeader(payload);
          checkDeclared(header.shape, header.dtype, shape, metadata.dataType);
          return plain.decode((await decode({ kind: "values", payload })).data);
        },
      };
    },
  };
}

const COMPRESSOR: CodecEntry = {
  fromConfig: () => ({
    kind: "bytes_to_bytes",
    encode: refuse,
    decode: async (payload: Uint8Array) => (await decode({ kind: "stored", payload })).data,
  }),
};

function refuse(): never {
  throw new Error("numcodecs-video encodes in Python alone: this array is read-only here");
}

/** The shape that the serializer was given: transposed by the codecs before it. */
function storedShape({ shape, codecs }: ChunkMetadata): number[] {
  let stored = shape;
  for (const { name, configuration } of codecs) {
    if (name !== "transpose") continue;
    const order = configuration?.order ?? "C";
    if (order === "F") stored = stored.slice().reverse();
    else if (order !== "C") stored = order.map((i) => stored[i]);
  }
  return stored;
}

/** Hold a chunk to its array's metadata; byte order does not count. */
export function checkDeclared(shape: number[], dtype: string, declaredShape: number[], declaredType: string): void {
  const text = (lengths: number[]) => `(${lengths.join(", ")}${lengths.length === 1 ? "," : ""})`;
  if (text(shape) !== text(declaredShape))
    throw new DecodeError(`the chunk has shape ${text(shape)}, the array's metadata say ${text(declaredShape)}`);
  const name = dtypeName(`<${dtype.slice(1)}`);
  if (name !== declaredType)
    throw new DecodeError(`the chunk has dtype ${name}, the array's metadata say ${declaredType}`);
}
