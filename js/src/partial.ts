/** A part of a chunk: the header, the shared section, and the segments that a selection touches. */

import { decodeConstant } from "./decode.js";
import { DecodeError } from "./errors.js";
import { framesOf, headerSize, type Header, parseHeader } from "./header.js";
import { arrayLayout } from "./layout.js";
import { decode } from "./pool.js";
import { type NumberArray, typedArray } from "./typed.js";

/** Bytes `start` to `stop` of a payload; fewer where it ends before. */
export type GetRange = (start: number, stop: number) => Promise<Uint8Array>;

/** What to take of one dimension: all (null), one index, or a slice, as zarrita's `slice` makes it. */
export type Selection = null | number | { start?: number | null; stop?: number | null; step?: number | null };

export interface Part {
  /** The lengths of the dimensions that no index has removed. */
  shape: number[];
  dtype: string;
  /** The values in C order. */
  data: NumberArray;
}

/** Bytes of the first request: nearly every header fits, and many a chunk of a small cube. */
const HEAD_BYTES = 2048;
/** Ranges closer than this are fetched by one request. */
const GAP_BYTES = 2048;

/**
 * Read a part of a chunk by as few bytes as its index allows: the head, in rare cases the rest of a long
 * header, then the shared section and the segments of the selected frames.
 *
 * @param getRange fetches bytes of the payload
 * @param selection one entry a dimension; those left out are whole
 */
export function decodePart(getRange: GetRange, selection: Selection[] = []): Promise<Part> {
  return new ChunkReader(getRange).read(selection);
}

interface Piece {
  start: number;
  data: Uint8Array;
}

/** Reads parts of one chunk, and keeps its header, its shared section and what it decoded last. */
export class ChunkReader {
  readonly #getRange: GetRange;
  readonly #check: (header: Header) => void;
  #head: Promise<{ header: Header; pieces: Piece[] }> | undefined;
  #last: { key: string; cube: Promise<Uint8Array> } | undefined;

  /** `check` throws where the header is not what it should be, before anything else is done. */
  constructor(getRange: GetRange, check: (header: Header) => void = () => {}) {
    this.#getRange = getRange;
    this.#check = check;
  }

  async read(selection: Selection[] = []): Promise<Part> {
    this.#head ??= readHead(this.#getRange).catch((error) => {
      this.#head = undefined;
      throw error;
    });
    const { header, pieces } = await this.#head;
    this.#check(header);
    const picked = pick(header, selection);
    if (!header.layers.length) return gather(header, await decodeConstant(header), null, picked);
    const segments = touchedSegments(header, picked);
    const key = segments.join();
    if (this.#last?.key !== key) {
      const cube = this.#decode(header, pieces, segments);
      this.#last = { key, cube };
      cube.catch(() => {
        this.#last = undefined;
      });
    }
    return gather(header, await this.#last.cube, framePlaces(header, segments), picked);
  }

  async #decode(header: Header, pieces: Piece[], segments: number[]): Promise<Uint8Array> {
    const held = [...pieces, ...(await fetchSections(this.#getRange, header, pieces, segments))];
    const sections = [0, ...segments.map((segment) => segment + 1)].map((index): [number, Uint8Array] => {
      const { start, stop } = header.sections[index] ?? { start: 0, stop: 0 };
      const found = held.find((piece) => piece.start <= start && stop <= piece.start + piece.data.length);
      const bytes = found ? found.data.subarray(start - found.start, stop - found.start) : new Uint8Array(0);
      if (index === 0 && found && !pieces.includes(found)) pieces.push({ start, data: bytes.slice() });
      return [index, bytes];
    });
    const head = pieces[0].data.subarray(0, header.size);
    return (await decode({ kind: "segments", head, sections, segments })).data;
  }
}

async function readHead(getRange: GetRange): Promise<{ header: Header; pieces: Piece[] }> {
  let data = await getRange(0, HEAD_BYTES);
  const size = headerSize(data);
  if (data.length < size) data = join(data, await getRange(data.length, size));
  return { header: parseHeader(data), pieces: [{ start: 0, data }] };
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

/** `count` indices of one dimension, the first at `start`; whether an index has removed the dimension. */
interface Picked {
  start: number;
  step: number;
  count: number;
  removed: boolean;
}

function pick(header: Header, selection: Selection[]): Picked[] {
  return header.shape.map((length, i) => {
    const wanted = selection[i] ?? null;
    if (typeof wanted === "number") {
      const start = wanted < 0 ? wanted + length : wanted;
      if (!(start >= 0 && start < length)) throw new RangeError(`index ${wanted} is beyond dimension ${i} of length ${length}`);
      return { start, step: 1, count: 1, removed: true };
    }
    const step = wanted?.step ?? 1;
    if (!(step >= 1)) throw new RangeError(`a step must be at least 1, got ${step}`);
    const bound = (value: number | null | undefined, otherwise: number) =>
      Math.min(length, Math.max(0, value == null ? otherwise : value < 0 ? value + length : value));
    const start = bound(wanted?.start, 0);
    const count = Math.max(0, Math.ceil((bound(wanted?.stop, length) - start) / step));
    return { start, step, count, removed: false };
  });
}

/** The cube's frames that the selected indices of all time-like dimensions make. */
function pickedFrames(header: Header, picked: Picked[]): number[] {
  let frames = [0];
  for (const [i, letter] of [...header.axes].entries()) {
    if (letter !== "t") continue;
    const { start, step, count } = picked[i];
    const indices = Array.from({ length: count }, (_, k) => start + k * step);
    frames = frames.flatMap((frame) => indices.map((index) => frame * header.shape[i] + index));
  }
  return frames;
}

function touchedSegments(header: Header, picked: Picked[]): number[] {
  if (!header.axes) return [...Array(header.segments).keys()];
  const position = header.frameOrder ? inverse(header.frameOrder) : null;
  const touched = new Set<number>();
  for (const frame of pickedFrames(header, picked))
    touched.add(Math.floor((position ? position[frame] : frame) / header.segmentFrames));
  return [...touched].sort((a, b) => a - b);
}

function inverse(order: number[]): number[] {
  const position = new Array<number>(order.length);
  order.forEach((frame, i) => {
    position[frame] = i;
  });
  return position;
}

/** Which frame of the decoded segments each frame of the cube is. */
function framePlaces(header: Header, segments: number[]): Map<number, number> {
  const places = new Map<number, number>();
  for (const segment of segments) {
    const [first, last] = framesOf(header, segment);
    for (let i = first; i < last; i++) places.set(header.frameOrder ? header.frameOrder[i] : i, places.size);
  }
  return places;
}

/** The bytes of the shared section and of segments that are not held yet. */
async function fetchSections(getRange: GetRange, header: Header, pieces: Piece[], segments: number[]): Promise<Piece[]> {
  if (!header.layers.length) return [];
  const head = pieces[0].data;
  const ranges: [number, number][] = [];
  for (const index of [0, ...segments.map((segment) => segment + 1)]) {
    const { start, stop } = header.sections[index];
    if (start === stop || pieces.some((piece) => piece.start <= start && stop <= piece.start + piece.data.length)) continue;
    const last = ranges[ranges.length - 1];
    const from = Math.max(start, head.length); // the head may hold the beginning of a section
    if (last && from - last[1] <= GAP_BYTES) last[1] = stop;
    else ranges.push([from, stop]);
  }
  const parts = await Promise.all(ranges.map(([start, stop]) => getRange(start, stop)));
  return ranges.map(([start, stop], i) => {
    if (parts[i].length !== stop - start)
      throw new DecodeError(`the payload ends before byte ${stop}, within a section`);
    return start === head.length ? { start: 0, data: join(head, parts[i]) } : { start, data: parts[i] };
  });
}

/** Copy the selected values out of decoded frames (F, C, Y, X); without places, out of the one value. */
function gather(header: Header, cube: Uint8Array, places: Map<number, number> | null, picked: Picked[]): Part {
  const { itemsize, axes, dtype } = header;
  const { stride } = arrayLayout(header, "C");
  const frameCells = header.cube[1] * header.cube[2] * header.cube[3];
  const count = picked.reduce((product, dimension) => product * dimension.count, 1);
  const out = new Uint8Array(count * itemsize);
  const rank = picked.length;
  const at = new Array<number>(rank).fill(0);
  for (let n = 0; n < count; n++) {
    let [frame, cell] = [0, 0];
    for (let i = 0; i < rank; i++) {
      const index = picked[i].start + at[i] * picked[i].step;
      if (axes[i] === "t") frame += (index * stride[i]) / frameCells;
      else cell += index * stride[i];
    }
    const place = axes ? (places?.get(frame) ?? 0) : 0;
    const from = places ? (place * frameCells + cell) * itemsize : 0;
    for (let byte = 0; byte < itemsize; byte++) out[n * itemsize + byte] = cube[from + byte];
    for (let i = rank - 1; i >= 0; i--) {
      if (++at[i] < picked[i].count) break;
      at[i] = 0;
    }
  }
  const shape = picked.filter(({ removed }) => !removed).map((dimension) => dimension.count);
  return { shape, dtype, data: typedArray(dtype, out) };
}
