/** Takes numbers, texts and runs of bytes off a header; throws DecodeError at the end of the bytes. */

import { DecodeError } from "./errors.js";

const MOST_VARINT_BYTES = 11;

export class Reader {
  readonly #data: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  get left(): number {
    return this.#data.length - this.#at;
  }

  take(length: number): Uint8Array {
    if (length > this.left) throw new DecodeError("the payload's header ends in the middle of a field");
    this.#at += length;
    return this.#data.subarray(this.#at - length, this.#at);
  }

  byte(): number {
    return this.take(1)[0];
  }

  /** A number of any size that the format allows, exactly. */
  big(): bigint {
    let value = 0n;
    for (let count = 0; ; ) {
      const byte = this.byte();
      value |= BigInt(byte & 127) << BigInt(7 * count);
      if (byte < 128) return value;
      if (++count >= MOST_VARINT_BYTES) this.#overlong();
    }
  }

  signedBig(): bigint {
    const value = this.big();
    return value & 1n ? -((value + 1n) >> 1n) : value >> 1n;
  }

  /** A number; from 2^53 on rounded, which is good enough to be refused. */
  varint(): number {
    let value = 0;
    let unit = 1;
    for (let count = 0; ; ) {
      const byte = this.byte();
      value += (byte & 127) * unit;
      if (byte < 128) return value;
      unit *= 128;
      if (++count >= MOST_VARINT_BYTES) this.#overlong();
    }
  }

  signed(): number {
    const value = this.varint();
    return value % 2 ? -(value + 1) / 2 : value / 2;
  }

  /** A number of items that take at least `leastBytes` each of what is left. */
  count(leastBytes = 1): number {
    const value = this.varint();
    if (value * leastBytes > this.left)
      throw new DecodeError(`the payload's header announces ${value} items and holds fewer`);
    return value;
  }

  u32(): number {
    const bytes = this.take(4);
    return this.#view.getUint32(bytes.byteOffset - this.#data.byteOffset, true);
  }

  real(): number {
    const bytes = this.take(8);
    return this.#view.getFloat64(bytes.byteOffset - this.#data.byteOffset, true);
  }

  string(): Uint8Array {
    return this.take(this.count());
  }

  text(): string {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.string());
    } catch (error) {
      if (error instanceof DecodeError) throw error;
      throw new DecodeError("the payload's header holds text that is not UTF-8");
    }
  }

  choice<T>(names: readonly T[], what: string): T {
    const number = this.byte();
    if (number >= names.length)
      throw new DecodeError(`the payload's header names ${what} number ${number}, unknown here`);
    return names[number];
  }

  list<T>(count: number, item: () => T): T[] {
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(item());
    return items;
  }

  #overlong(): never {
    throw new DecodeError("the payload's header holds an overlong number");
  }
}

/** Cut a run of units: byte strings, each after its length. */
export function splitUnits(data: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  for (let at = 0; at < data.length; ) {
    let length = 0;
    for (let unit = 1; ; unit *= 128) {
      if (at >= data.length || unit > 2 ** 35) throw new DecodeError("a stream ends within the length of a unit");
      const byte = data[at++];
      length += (byte & 127) * unit;
      if (byte < 128) break;
    }
    if (length > data.length - at) throw new DecodeError("a stream ends within a unit");
    units.push(data.subarray(at, at + length));
    at += length;
  }
  return units;
}
