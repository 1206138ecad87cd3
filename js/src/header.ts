/**
 * What the header of a chunk says, and how it is read: the format's section "Header fields", and the
 * checks of "What a reader enforces". Pure bytes to objects; nothing of the chunk's size is allocated.
 */

import { crc32 } from "./crc32.js";
import { DecodeError, UnsupportedVersionError } from "./errors.js";
import { Reader } from "./reader.js";

export const FORMAT_VERSION = 1;
export const PREFIX_SIZE = 16;

/** The positions in these lists are the numbers on disk: append, never reorder. */
export const LAYER_KINDS = ["exact", "missing", "base", "residual", "table"] as const;
export const CODERS = [
  "none", "stored", "zstd", "pcodec", "ffv1", "hevc", "vp9", "av1", "h264", "jpegxl", "sperr",
  "jpeg2k", "htj2k", "adaptive",
] as const;
const PIXEL_FORMATS = [
  "", "gray", "gray9le", "gray10le", "gray12le", "gray14le", "gray16le", "yuv420p", "yuv420p10le",
  "yuv420p12le",
] as const;
const VALUE_KINDS = ["integer", "real", "table", "relative", "ordered"] as const;
const TRANSFORM_KINDS = ["parts", "linear", "grouped"] as const;
const PROMISES = ["lossless", "max_error", "max_relative_error", "rmse", "psnr", "qp"] as const;

export type LayerKind = (typeof LAYER_KINDS)[number];
export type Coder = (typeof CODERS)[number];
export type Shape4 = readonly [number, number, number, number];

/** How the planes of one time step tile a frame, row by row. */
export interface Mosaic {
  planes: number;
  height: number;
  width: number;
  columns: number;
  frameHeight: number;
  frameWidth: number;
}

export interface Layer {
  kind: LayerKind;
  coder: Coder;
  bits: number;
  pixelFormat: string;
  /** Samples are differences to the frame before, modulo 2^bits. */
  delta: boolean;
  /** The shared section ends with a key picture. */
  key: boolean;
  offset: number;
  step: number;
  mosaic: Mosaic | null;
}

export type Values =
  | { kind: "integer"; offset: bigint; step: bigint; top: bigint }
  | { kind: "real"; offset: number; step: number; top: bigint }
  | { kind: "table"; top: bigint }
  | { kind: "relative"; offset: number; step: number; top: bigint; zero: bigint }
  | { kind: "ordered"; offset: bigint; top: bigint };

export interface Transform {
  kind: (typeof TRANSFORM_KINDS)[number];
  parts: number;
  gain: number;
  shift: number;
  weights: number[];
  bias: bigint[];
  /** Frames whose bands are mixed as those of one. */
  frames: number;
}

export interface Missing {
  /** All bands share one class map. */
  shared: boolean;
  patterns: Uint8Array[];
  /** So many of the last classes are of cells that hold a value. */
  values: number;
}

export interface Section {
  /** Bytes of each layer. */
  lengths: number[];
  crc: number;
  /** Where the section is in the payload. */
  start: number;
  stop: number;
}

export interface Header {
  /** NumPy's type string, such as `<f4`. */
  dtype: string;
  itemsize: number;
  shape: number[];
  order: "C" | "F";
  axes: string;
  /** The chunk transposed to time, bands, rows and columns. */
  cube: Shape4;
  segmentFrames: number;
  segments: number;
  layers: Layer[];
  values: Values;
  transform: Transform;
  missing: Missing | null;
  promise: { kind: (typeof PROMISES)[number]; requested: number; realised: number };
  /** Coded frame `i` is frame `frameOrder[i]` of the cube; null where they are as they are. */
  frameOrder: number[] | null;
  /** The versions of numcodecs_video, PyAV, libavcodec and imagecodecs that wrote the payload. */
  writer: number[][];
  candidate: string;
  /** The shared section, then one a segment. */
  sections: Section[];
  /** Bytes of prefix and header. */
  size: number;
  /** Bytes of the whole payload. */
  payloadSize: number;
}

const MAGIC = [0x89, 0x4e, 0x43, 0x56];
const MOST_HEADER_BYTES = 2 ** 26;
const MOST_CHUNK_BYTES = 2 ** 34;
const MOST_DIMENSIONS = 64;
const MOST_WEIGHTS = 2 ** 14;
/** Frames whose bands a transform mixes. */
const MOST_GROUPED = 256;
const MOST_PADDING = 72;
const DTYPE = /^[<>|](b1|[iu][1248]|f[248]|[mM]8(\[([1-9]\d{0,8})?(Y|M|W|D|h|m|s|ms|us|μs|ns|ps|fs|as)\])?)$/;

const enum Tag {
  Array = 1, Layers, Values, Transform, Missing, Promise, Order, Index,
  FirstAncillary = 128, Writer = 128, Candidate = 129,
}

/** Bytes of prefix and header together, from the first 16 bytes. */
export function headerSize(prefix: Uint8Array): number {
  if (prefix.length < PREFIX_SIZE || MAGIC.some((byte, i) => prefix[i] !== byte))
    throw new DecodeError("not a numcodecs_video payload: the first bytes differ");
  const view = new DataView(prefix.buffer, prefix.byteOffset, PREFIX_SIZE);
  const [version, flags, length] = [view.getUint16(4, true), view.getUint16(6, true), view.getUint32(8, true)];
  if (version !== FORMAT_VERSION || flags)
    throw new UnsupportedVersionError(
      `the payload has format version ${version} (flags ${flags}), this package reads ` +
        `version ${FORMAT_VERSION}: install a newer numcodecs-video`,
    );
  if (length > MOST_HEADER_BYTES) throw new DecodeError(`the payload announces a header of ${length} bytes`);
  return PREFIX_SIZE + length;
}

/** Read the header at the beginning of a payload; sections need not be there. */
export function parseHeader(data: Uint8Array): Header {
  const size = headerSize(data);
  if (data.length < size)
    throw new DecodeError(`the payload ends within its header (${data.length} of ${size} bytes)`);
  const body = data.subarray(PREFIX_SIZE, size);
  const crc = new DataView(data.buffer, data.byteOffset).getUint32(12, true);
  if (crc32(body, crc32(data.subarray(0, 12))) !== crc)
    throw new DecodeError("the payload's header fails its checksum: the chunk is damaged");
  return readHeader(readFields(body), size);
}

function readFields(body: Uint8Array): Map<number, Reader> {
  const reader = new Reader(body);
  const found = new Map<number, Reader>();
  while (reader.left) {
    const tag = reader.byte();
    if (found.has(tag) || (tag > Tag.Index && tag < Tag.FirstAncillary))
      throw new DecodeError(`the payload's header holds field ${tag}, unknown or for a 2nd time`);
    found.set(tag, new Reader(reader.string()));
  }
  return found;
}

function readHeader(found: Map<number, Reader>, size: number): Header {
  const required = (tag: number): Reader => {
    const field = found.get(tag);
    if (!field) throw new DecodeError("the payload's header lacks a field that decoding needs");
    return field;
  };
  const [arrayField, layersField, valuesField] = [Tag.Array, Tag.Layers, Tag.Values].map(required);
  const [promiseField, indexField] = [Tag.Promise, Tag.Index].map(required);

  const order = arrayField.choice(["C", "F"] as const, "memory order");
  const dtype = arrayField.text();
  const axes = arrayField.text();
  const shape = arrayField.list(arrayField.count(), () => arrayField.varint());
  const segmentFrames = arrayField.varint();
  const itemsize = checkArray(dtype, axes, shape, segmentFrames);
  const cube = cubeShape(axes, shape);

  const layers = layersField.list(layersField.count(7), () => readLayer(layersField));
  const promise = readPromise(promiseField);
  const values = readValues(valuesField);
  const sections = readIndex(indexField, layers.length, size);
  const optional = <T>(tag: number, read: (field: Reader) => T, otherwise: T): T => {
    const field = found.get(tag);
    return field ? read(field) : otherwise;
  };
  const header: Header = {
    dtype, itemsize, shape, order, axes, cube, segmentFrames,
    segments: Math.ceil(cube[0] / segmentFrames),
    layers, values,
    transform: optional(Tag.Transform, readTransform, {
      kind: "parts", parts: 1, gain: 1, shift: 0, weights: [], bias: [], frames: 1,
    }),
    missing: optional<Missing | null>(Tag.Missing, (field) => readMissing(field, itemsize), null),
    promise,
    frameOrder: optional<number[] | null>(Tag.Order, (field) => readOrder(field, cube[0]), null),
    writer: optional<number[][]>(Tag.Writer, readWriter, []),
    candidate: optional(Tag.Candidate, (field) => field.text(), ""),
    sections, size,
    payloadSize: sections.length ? sections[sections.length - 1].stop : size,
  };
  checkLayers(header);
  return header;
}

/** The declared array must be one that the encoder could have been given. Gives its item size. */
function checkArray(dtype: string, axes: string, shape: number[], segmentFrames: number): number {
  if (!DTYPE.test(dtype)) throw new DecodeError(`the payload declares the unknown dtype '${dtype}'`);
  if (shape.length > MOST_DIMENSIONS)
    throw new DecodeError(`the payload declares a chunk of ${shape.length} dimensions`);
  const itemsize = Number(dtype[2]);
  const bytes = shape.reduce((product, n) => product * n, itemsize);
  const extent = shape.reduce((product, n) => product * (n || 1), itemsize);
  if (bytes > MOST_CHUNK_BYTES || shape.some((n) => n >= 2 ** 40) || extent >= 2 ** 63)
    throw new DecodeError(`the payload declares a chunk of shape (${shape.join(", ")}), beyond 16 GiB`);
  const letters = [...axes];
  const once = (letter: string) => letters.filter((l) => l === letter).length === 1;
  if (
    axes &&
    (letters.length !== shape.length || letters.some((l) => !"tcyx".includes(l)) || !once("y") || !once("x"))
  )
    throw new DecodeError(`the payload declares axes '${axes}' for shape (${shape.join(", ")})`);
  if (!(segmentFrames >= 1 && segmentFrames < 2 ** 40))
    throw new DecodeError(`the payload declares segments of ${segmentFrames} frames`);
  return itemsize;
}

function cubeShape(axes: string, shape: number[]): Shape4 {
  if (!axes) return [1, 1, 1, shape.reduce((product, n) => product * n, 1)];
  const extent = (letter: string) =>
    shape.reduce((product, n, i) => (axes[i] === letter ? product * n : product), 1);
  return [extent("t"), extent("c"), extent("y"), extent("x")];
}

function readLayer(r: Reader): Layer {
  const kind = r.choice(LAYER_KINDS, "layer");
  const coder = r.choice(CODERS, "coder");
  const bits = r.byte();
  const pixelFormat = r.choice(PIXEL_FORMATS, "pixel format");
  const flags = r.byte();
  const offset = r.signed();
  const step = r.varint();
  let mosaic: Mosaic | null = null;
  if (flags & 2) {
    const [planes, height, width, columns, frameHeight, frameWidth] = r.list(6, () => r.varint());
    mosaic = { planes, height, width, columns, frameHeight, frameWidth };
  }
  if (flags > 7 || bits > 16 || step >= 2 ** 48 || Math.abs(offset) >= 2 ** 16)
    throw new DecodeError("the payload's header describes a layer that is unknown here");
  return { kind, coder, bits, pixelFormat, delta: !!(flags & 1), key: !!(flags & 4), offset, step, mosaic };
}

function readPromise(r: Reader): Header["promise"] {
  const kind = r.choice(PROMISES, "promise");
  if (kind === "lossless") return { kind, requested: 0, realised: 0 };
  return { kind, requested: r.real(), realised: r.real() };
}

function readValues(r: Reader): Values {
  const kind = r.choice(VALUE_KINDS, "kind of value");
  const big = (value: bigint) => {
    if (value >= 2n ** 64n || -value >= 2n ** 64n) tooMany();
    return value;
  };
  const tooMany = (): never => {
    throw new DecodeError("the payload's header holds levels of more than 64 bits");
  };
  const level = () => {
    const value = r.big();
    if (value >= 2n ** 63n) tooMany();
    return value;
  };
  switch (kind) {
    case "integer":
      return { kind, offset: big(r.signedBig()), step: big(r.big()), top: level() };
    case "ordered":
      return { kind, offset: big(r.big()), top: level() };
    case "table":
      return { kind, top: level() };
    default: {
      const [offset, step] = [r.real(), r.real()];
      if (!Number.isFinite(offset) || !Number.isFinite(step))
        throw new DecodeError("the payload's header holds a step that is not finite");
      const top = level();
      return kind === "real" ? { kind, offset, step, top } : { kind, offset, step, top, zero: level() };
    }
  }
}

function readTransform(r: Reader): Transform {
  const kind = r.choice(TRANSFORM_KINDS, "transform");
  const [parts, gain, shift] = r.list(3, () => r.varint());
  const weights = r.list(r.count(), () => r.signed());
  const bias = r.list(r.count(), () => r.signedBig());
  const frames = kind === "grouped" ? r.varint() : 1;
  // These limits keep every sum of the transform within 63 bits.
  const biasLimit = shift <= 62 ? 2n ** BigInt(62 - shift) : 1n;
  if (
    !(parts >= 1 && parts <= 8) ||
    (kind !== "parts" && !(shift >= 4 && shift <= 40)) ||
    (kind === "grouped" && !(frames >= 2 && frames <= MOST_GROUPED)) ||
    gain >= 2 ** 32 ||
    weights.some((w) => Math.abs(w) > 2 ** 14) ||
    bias.some((b) => b >= biasLimit || -b >= biasLimit) ||
    weights.length > MOST_WEIGHTS
  )
    throw new DecodeError("the payload's header describes a transform that is unknown here");
  return { kind, parts, gain, shift, weights, bias, frames };
}

function readMissing(r: Reader, itemsize: number): Missing {
  const flags = r.byte();
  const count = r.count(itemsize);
  const values = flags >> 1;
  if (!(count >= 1 && count <= 255) || values > count)
    throw new DecodeError("the payload's header describes missing cells that are unknown here");
  return { shared: !!(flags & 1), patterns: r.list(count, () => r.take(itemsize)), values };
}

function readOrder(r: Reader, frames: number): number[] {
  if (frames > r.left) throw new DecodeError("the payload's frame order names too few frames");
  const seen = new Uint8Array(frames);
  return r.list(frames, () => {
    const frame = r.varint();
    if (frame >= frames || seen[frame]) throw new DecodeError("the payload's frame order is no permutation");
    seen[frame] = 1;
    return frame;
  });
}

function readIndex(r: Reader, layers: number, start: number): Section[] {
  return r.list(r.count(4 + layers), () => {
    const lengths = r.list(layers, () => r.varint());
    const stop = lengths.reduce((sum, length) => sum + length, start);
    const section = { lengths, crc: r.u32(), start, stop };
    start = stop;
    return section;
  });
}

function readWriter(r: Reader): number[][] {
  const versions: number[][] = [];
  while (r.left) versions.push(r.list(r.count(), () => r.varint()));
  return versions;
}

/** Layers must fit the chunk, and frames hold no more than their planes and padding. */
function checkLayers(header: Header): void {
  const { sections, segments, layers } = header;
  if (sections.length !== (layers.length ? segments + 1 : 0))
    throw new DecodeError(`the payload has ${sections.length} sections for ${segments} segments`);
  if (new Set(layers.map((layer) => layer.kind)).size < layers.length)
    throw new DecodeError("the payload's header holds a kind of layer twice");
  const [, bands, height, width] = header.cube;
  const { frames } = header.transform;
  if (frames > Math.max(1, Math.min(header.segmentFrames, header.cube[0]))) throw new DecodeError("the payload's header groups more frames than a segment has");
  for (const { mosaic: m } of layers) {
    if (!m) continue;
    const rows = m.columns ? Math.ceil(m.planes / m.columns) : 0;
    const [bottom, right] = [m.frameHeight - rows * height, m.frameWidth - m.columns * width];
    if (
      m.height !== height || m.width !== width ||
      !(m.planes >= 1 && m.planes <= 8 * Math.max(bands, 1) * frames) ||
      !(m.columns >= 1 && m.columns <= m.planes) ||
      !(bottom >= 0 && bottom <= MOST_PADDING) || !(right >= 0 && right <= MOST_PADDING)
    )
      throw new DecodeError("the payload's frame geometry does not fit its chunk");
  }
}

/** The layers of one section, from exactly its bytes. */
export function splitSection(header: Header, index: number, data: Uint8Array): Uint8Array[] {
  const { start, stop, lengths, crc } = header.sections[index];
  if (data.length !== stop - start)
    throw new DecodeError(`section ${index} has ${data.length} bytes instead of ${stop - start}`);
  if (crc32(data) !== crc) throw new DecodeError(`section ${index} fails its checksum: the chunk is damaged`);
  let at = 0;
  return lengths.map((length) => data.subarray(at, (at += length)));
}

/** The position of the layer of a kind, -1 where there is none. */
export function layerIndex(header: Header, kind: LayerKind): number {
  return header.layers.findIndex((layer) => layer.kind === kind);
}

/** The coded frames of a segment, as positions along the coding order: first, and one past the last. */
export function framesOf(header: Header, segment: number): [number, number] {
  const start = segment * header.segmentFrames;
  return [start, Math.min(start + header.segmentFrames, header.cube[0])];
}
