/** The video coders: HEVC, H.264, VP9 and FFV1 of FFmpeg, AV1 of dav1d. Frames are grey pictures. */

import { DecodeError } from "../errors.js";
import type { Layer, Mosaic, Shape4 } from "../header.js";
import { splitUnits } from "../reader.js";
import type { Samples } from "./index.js";
import { type Exports, WasmModule } from "./wasm.js";

/** What ffmpeg.c and dav1d.c export alike. */
interface VideoDecoder extends Exports {
  open_decoder(coder: number, bits: number, width: number, height: number, mostPixels: number): number;
  close_decoder(): void;
  buffer(size: number): number;
  send(size: number): number;
  receive(): number;
  width(): number;
  height(): number;
  stride(): number;
  depth(): number;
  samples(): number;
}

const FFMPEG = new WasmModule<VideoDecoder>(new URL("../../wasm/ffmpeg.wasm", import.meta.url));
const DAV1D = new WasmModule<VideoDecoder>(new URL("../../wasm/dav1d.wasm", import.meta.url));

interface VideoCoder {
  module: WasmModule<VideoDecoder>;
  /** Its position in the list of ffmpeg.c. */
  number: number;
  depths: number[];
  nal: boolean;
}

const CODERS: Partial<Record<string, VideoCoder>> = {
  hevc: { module: FFMPEG, number: 0, depths: [8, 10, 12], nal: true },
  h264: { module: FFMPEG, number: 1, depths: [8, 10], nal: true },
  vp9: { module: FFMPEG, number: 2, depths: [8, 10, 12], nal: false },
  ffv1: { module: FFMPEG, number: 3, depths: [8, 9, 10, 12, 14, 16], nal: false },
  av1: { module: DAV1D, number: 0, depths: [8, 10], nal: false },
};

/** Parameter sets and a key picture are four. */
const MOST_SHARED_UNITS = 64;

/** Group NAL units into access units, one a picture (H.265 7.4.2.4.4, H.264 7.4.1.2.3). */
function accessUnits(nals: Uint8Array[], coder: string): Uint8Array[][] {
  const units: Uint8Array[][] = [];
  let pictured = true;
  for (const nal of nals) {
    if (nal.length < 3) throw new DecodeError("a video stream holds a unit of less than three bytes");
    const kind = coder === "hevc" ? (nal[0] >> 1) & 63 : nal[0] & 31;
    const slice = coder === "hevc" ? kind < 32 : kind >= 1 && kind <= 5;
    const first = (coder === "hevc" ? nal[2] : nal[1]) & 128;
    if (!units.length || (pictured && (first || !slice))) {
      units.push([]);
      pictured = false;
    }
    units[units.length - 1].push(nal);
    pictured ||= slice;
  }
  return units;
}

/** Decode one segment, (frames, planes, Y, X), to `out`. */
export async function decode(
  layer: Layer, shared: Uint8Array, data: Uint8Array, shape: Shape4, out: Samples,
): Promise<void> {
  const { coder: name, bits, mosaic } = layer;
  const coder = CODERS[name];
  if (!coder || !mosaic) throw new DecodeError(`the payload codes samples by ${name}, which cannot hold them`);
  if (!coder.depths.includes(bits)) throw new DecodeError(`${name} has no sample depth of ${bits} bits`);
  if (mosaic.planes !== shape[1]) throw new DecodeError("the payload's planes do not match its bands");
  const head = splitUnits(shared);
  const units = [...head, ...splitUnits(data)];
  const packets = coder.nal ? accessUnits(units, name) : units.map((unit) => [unit]);
  const announced = shape[0] + Number(layer.key);
  // More could only hold what is never shown, and take time for it.
  if (head.length > MOST_SHARED_UNITS || packets.length > announced + 1)
    throw new DecodeError(`the ${name} stream holds ${packets.length} packets for ${announced} frames`);
  const what = `the ${name} stream`;
  await coder.module.run(what, (video) => {
    try {
      decodePackets(video, coder, packets, layer, mosaic, announced, out);
    } finally {
      video.close_decoder();
    }
  });
}

function decodePackets(
  video: VideoDecoder, coder: VideoCoder, packets: Uint8Array[][], layer: Layer, mosaic: Mosaic,
  announced: number, out: Samples,
): void {
  const { frameHeight, frameWidth } = mosaic;
  const check = (result: number): number => {
    if (result < 0) throw new DecodeError(`the ${layer.coder} stream cannot be decoded: error ${result}`);
    return result;
  };
  check(
    video.open_decoder(coder.number, layer.bits, frameWidth, frameHeight, (frameHeight + 64) * (frameWidth + 64)),
  );
  let count = 0;
  for (const packet of [...packets, []]) {
    const size = packet.reduce((sum, unit) => sum + unit.length + (coder.nal ? 4 : 0), 0);
    if (!size && packet.length) continue;
    if (size) {
      let at = video.buffer(size) >>> 0;
      if (!at) throw new DecodeError(`the ${layer.coder} stream cannot be decoded: there is no memory for a packet`);
      const memory = new Uint8Array(video.memory.buffer);
      for (const unit of packet) {
        if (coder.nal) {
          memory.set([0, 0, 0, 1], at);
          at += 4;
        }
        memory.set(unit, at);
        at += unit.length;
      }
    }
    check(video.send(size));
    while (check(video.receive())) {
      if (++count > announced)
        throw new DecodeError(`the ${layer.coder} stream holds more than ${announced} frames instead of ${announced}`);
      if (count > Number(layer.key)) cutPicture(video, layer.bits, mosaic, count - 1 - Number(layer.key), out);
    }
  }
  if (count !== announced)
    throw new DecodeError(`the ${layer.coder} stream holds ${count} frames instead of ${announced}`);
}

/** Cut the planes of a time step out of its picture. */
function cutPicture(video: VideoDecoder, bits: number, mosaic: Mosaic, frame: number, out: Samples): void {
  const { planes, height, width, columns, frameHeight, frameWidth } = mosaic;
  if (video.height() !== frameHeight || video.width() !== frameWidth || video.depth() !== bits)
    throw new DecodeError(
      `a frame has ${video.width()}x${video.height()} samples of ${video.depth()} bits instead of ` +
        `${frameWidth}x${frameHeight} of ${bits}`,
    );
  const size = out.BYTES_PER_ELEMENT;
  const memory = size === 1 ? new Uint8Array(video.memory.buffer) : new Uint16Array(video.memory.buffer);
  const start = (video.samples() >>> 0) / size;
  const stride = video.stride() / size;
  let to = frame * planes * height * width;
  for (let p = 0; p < planes; p++) {
    let from = start + Math.floor(p / columns) * height * stride + (p % columns) * width;
    for (let y = 0; y < height; y++, from += stride, to += width) out.set(memory.subarray(from, from + width), to);
  }
}
