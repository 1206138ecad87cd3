/** One date of a Zarr array after the other: the head of each chunk, and one segment, by byte ranges. */

import { DecodeError } from "./errors.js";
import type { Header } from "./header.js";
import { ChunkReader, type GetRange, type Part, type Selection } from "./partial.js";
import { typedArray } from "./typed.js";
import { checkDeclared } from "./zarr.js";

type Range = { offset: number; length: number } | { suffixLength: number };

/** What is used of a zarrita array. */
interface ZarrArray {
  path: string;
  shape: readonly number[];
  chunks: readonly number[];
  dtype: string;
  fillValue: unknown;
  store: {
    get(key: string): Promise<Uint8Array | undefined>;
    getRange?(key: string, range: Range): Promise<Uint8Array | undefined>;
  };
}

interface Codec {
  name?: string;
  id?: string;
  configuration?: Record<string, unknown>;
  axes?: string;
}

export interface Dates {
  /** How many there are. */
  length: number;
  /** The time dimension's number. */
  dimension: number;
  /** All values of one date, C order; the time dimension is gone. */
  read(date: number): Promise<Part>;
  /** Requests and bytes so far, headers of HTTP apart. */
  readonly traffic: { requests: number; bytes: number };
}

const DEFAULT_AXES: Record<number, string> = { 2: "yx", 3: "tyx", 4: "tcyx" };
const ABSENT = 0xffffffff;

/**
 * Open an array of zarrita for reading date by date.
 *
 * @example
 * const dates = await openDates(await zarr.open(store, { kind: "array" }));
 * const { data, shape } = await dates.read(7);
 */
export async function openDates(array: ZarrArray): Promise<Dates> {
  const { store, path } = array;
  if (!store.getRange) throw new Error("reading dates takes a store with getRange");
  const traffic = { requests: 0, bytes: 0 };
  const fetchRange = async (key: string, range: Range): Promise<Uint8Array | undefined> => {
    traffic.requests++;
    const bytes = await store.getRange?.(key, range);
    traffic.bytes += bytes?.length ?? 0;
    return bytes;
  };
  const { codec, keyOf, shard } = await readMetadata(array);
  const axes = (codec.configuration?.axes ?? codec.axes ?? DEFAULT_AXES[array.shape.length] ?? "") as string;
  const dimension = axes.indexOf("t");
  if (dimension < 0 || axes.lastIndexOf("t") !== dimension)
    throw new Error(`an array with axes '${axes}' has no single dimension of dates`);
  const inner = shard ? shard.chunkShape : [...array.chunks];
  const indices = new Map<string, Promise<DataView | null>>();
  /** The chunks of the dates read last: a neighbouring date costs no request where its segment is there. */
  let readers = new Map<string, Promise<ChunkReader | null>>();
  let column = -1;

  const check = (header: Header) => checkDeclared(header.shape, header.dtype, inner, array.dtype);
  const open = async (chunk: number[]): Promise<GetRange | null> => {
    if (!shard) return rangesOf(fetchRange, `${path === "/" ? "" : path}/${keyOf(chunk)}`, 0, Infinity);
    const perShard = shard.shape.map((n, i) => n / inner[i]);
    const key = `${path === "/" ? "" : path}/${keyOf(chunk.map((n, i) => Math.floor(n / perShard[i])))}`;
    const size = 16 * perShard.reduce((product, n) => product * n, 1) + (shard.checksum ? 4 : 0);
    if (!indices.has(key)) indices.set(key, readIndex(fetchRange, key, size));
    const index = await indices.get(key);
    if (!index) return null;
    const number = chunk.reduce((sum, n, i) => sum * perShard[i] + (n % perShard[i]), 0);
    if (index.getUint32(16 * number, true) === ABSENT && index.getUint32(16 * number + 4, true) === ABSENT) return null;
    const [offset, length] = [0, 8].map((at) => Number(index.getBigUint64(16 * number + at, true)));
    return rangesOf(fetchRange, key, offset, length);
  };

  return {
    length: array.shape[dimension],
    dimension,
    traffic,
    async read(date: number): Promise<Part> {
      if (!(date >= 0 && date < array.shape[dimension]))
        throw new RangeError(`date ${date} is beyond ${array.shape[dimension]} dates`);
      if (Math.floor(date / inner[dimension]) !== column) readers = new Map();
      column = Math.floor(date / inner[dimension]);
      const shape = array.shape.filter((_, i) => i !== dimension);
      let whole: Part | null = null;
      const counts = array.shape.map((n, i) => (i === dimension ? 1 : Math.ceil(n / inner[i])));
      const jobs: Promise<void>[] = [];
      const total = counts.reduce((product, n) => product * n, 1);
      for (let n = 0; n < total; n++) {
        const chunk: number[] = [];
        for (let i = counts.length - 1, rest = n; i >= 0; i--) {
          chunk[i] = i === dimension ? Math.floor(date / inner[i]) : rest % counts[i];
          rest = Math.floor(rest / counts[i]);
        }
        jobs.push(
          (async () => {
            const key = chunk.join();
            const reader = readers.get(key) ?? open(chunk).then((getRange) => getRange && new ChunkReader(getRange, check));
            readers.set(key, reader);
            const part = await readPart(await reader, dimension, date % inner[dimension], inner, array, chunk);
            if (!part) return;
            whole ??= emptyPart(shape, part.dtype, array.fillValue);
            place(whole, part, chunk.map((k, i) => k * inner[i]).filter((_, i) => i !== dimension));
          })(),
        );
      }
      await Promise.all(jobs);
      return whole ?? emptyPart(shape, numpyType(array.dtype), array.fillValue);
    },
  };
}

/** The selected date of one chunk, cut where the array ends; null where there is no such chunk. */
async function readPart(
  reader: ChunkReader | null, dimension: number, date: number, inner: number[], array: ZarrArray, chunk: number[],
): Promise<Part | null> {
  if (!reader) return null;
  const selection: Selection[] = inner.map((n, i) =>
    i === dimension ? date : { start: 0, stop: Math.min(n, array.shape[i] - chunk[i] * n) },
  );
  try {
    return await reader.read(selection);
  } catch (error) {
    if (error instanceof Missing) return null;
    throw error;
  }
}

class Missing extends Error {}

function rangesOf(
  fetchRange: (key: string, range: Range) => Promise<Uint8Array | undefined>, key: string, offset: number, length: number,
): GetRange {
  return async (start, stop) => {
    const end = Math.min(stop, length);
    const bytes = await fetchRange(key, { offset: offset + start, length: end - start });
    if (!bytes) throw new Missing(key);
    return bytes;
  };
}

async function readIndex(
  fetchRange: (key: string, range: Range) => Promise<Uint8Array | undefined>, key: string, size: number,
): Promise<DataView | null> {
  const bytes = await fetchRange(key, { suffixLength: size });
  if (bytes && bytes.length !== size) throw new DecodeError(`a shard's index has ${bytes.length} bytes instead of ${size}`);
  return bytes ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) : null;
}

interface Shard {
  shape: number[];
  chunkShape: number[];
  checksum: boolean;
}

async function readMetadata(
  { store, path, chunks }: ZarrArray,
): Promise<{ codec: Codec; keyOf: (chunk: number[]) => string; shard: Shard | null }> {
  const folder = path === "/" ? "" : path;
  const parse = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));
  const isOurs = (name: unknown) => typeof name === "string" && name.startsWith("numcodecs_video");
  const v3 = await store.get(`${folder}/zarr.json`);
  if (!v3) {
    const v2 = await store.get(`${folder}/.zarray`);
    const metadata = v2 && parse(v2);
    if (!isOurs(metadata?.compressor?.id)) throw new Error(`${path} is not compressed by numcodecs_video`);
    return { codec: metadata.compressor, keyOf: (chunk) => chunk.join(metadata.dimension_separator ?? "."), shard: null };
  }
  const metadata = parse(v3);
  const { name, configuration } = metadata.chunk_key_encoding;
  const separator = configuration?.separator ?? (name === "v2" ? "." : "/");
  const keyOf = (chunk: number[]) => (name === "v2" ? chunk : ["c", ...chunk]).join(separator);
  const outer: Codec = metadata.codecs[0];
  const sharding = outer.name === "sharding_indexed" ? outer.configuration : undefined;
  const codecs = (sharding?.codecs ?? metadata.codecs) as Codec[];
  if (codecs.length !== 1 || !isOurs(codecs[0].name))
    throw new Error(`${path} is not serialized by numcodecs_video alone: its chunks cannot be read in part`);
  if (!sharding) return { codec: codecs[0], keyOf, shard: null };
  if (sharding.index_location === "start") throw new Error(`${path} has its shards' index at their start`);
  return {
    codec: codecs[0],
    keyOf,
    shard: {
      shape: metadata.chunk_grid.configuration.chunk_shape,
      chunkShape: (sharding.chunk_shape as number[]) ?? [...chunks],
      checksum: (sharding.index_codecs as Codec[]).some((codec) => codec.name === "crc32c"),
    },
  };
}

function numpyType(dtype: string): string {
  const kind = { int: "i", uint: "u", float: "f", bool: "b" }[dtype.replace(/\d+$/, "")] ?? "u";
  return `<${kind}${Number(/\d+$/.exec(dtype)?.[0] ?? 8) / 8}`;
}

function emptyPart(shape: number[], dtype: string, fillValue: unknown): Part {
  const size = shape.reduce((product, n) => product * n, 1) * Number(dtype[2]);
  const data = typedArray(dtype, new Uint8Array(size));
  if (fillValue != null) data.fill((typeof fillValue === "boolean" ? Number(fillValue) : fillValue) as never);
  return { shape, dtype, data };
}

/** Copy a part to its place in the whole, row by row. */
function place(whole: Part, part: Part, origin: number[]): void {
  const rank = part.shape.length;
  const row = part.shape[rank - 1];
  const rows = part.data.length / row;
  const at = new Array<number>(rank).fill(0);
  for (let n = 0; n < rows; n++) {
    const to = origin.reduce((sum, start, i) => sum * whole.shape[i] + start + at[i], 0);
    whole.data.set(part.data.subarray(n * row, (n + 1) * row) as never, to);
    for (let i = rank - 2; i >= 0; i--) {
      if (++at[i] < part.shape[i]) break;
      at[i] = 0;
    }
  }
}
