/** Levels to values: integers and single operations of doubles, the same bits on every machine. */

import { DecodeError } from "./errors.js";
import type { Header, Values } from "./header.js";

/** Write the values of levels (whole, 0 ... top) to little-endian bytes, from value number `at` on. */
export type ValueWriter = (levels: Float64Array, out: Uint8Array<ArrayBuffer>, at: number) => void;

/** Tables of up to so many values always pay. */
const SMALL_TABLE = 2 ** 12;
const LARGEST_TABLE = 2 ** 20;
const HALF_LIMIT = 65504;
const SINGLE_LIMIT = 2 ** 128 - 2 ** 104;

/** The name that NumPy prints. */
export function dtypeName(dtype: string): string {
  const kinds: Record<string, string> = { i: "int", u: "uint", f: "float", m: "timedelta64", M: "datetime64" };
  const [order, kind] = dtype;
  if (kind === "b") return "bool";
  if (order === ">" && dtype[2] !== "1") return dtype;
  return "mM".includes(kind) ? kinds[kind] + dtype.slice(3) : kinds[kind] + 8 * Number(dtype[2]);
}

/**
 * How the header's levels become values.
 *
 * @param table the table layer's values, little-endian; empty where there is none
 * @param cells how many values will be written: many are worth a table
 */
export function makeValueWriter(header: Header, table: Uint8Array<ArrayBuffer>, cells: number): ValueWriter {
  const { values, dtype, itemsize } = header;
  const isFloat = dtype[1] === "f";
  if (values.kind !== "table" && (values.kind === "integer") === isFloat)
    throw new DecodeError(`the payload's ${values.kind} levels make no values of dtype ${dtypeName(dtype)}`);
  if (values.kind === "table") return lookUp(table, itemsize);
  if (values.top >= 2n ** 53n)
    throw new DecodeError("the payload has levels of more than 53 bits, which only Python reads");
  const write = makeWriter(values, header);
  const entries = Number(values.top) + 1;
  if (entries <= SMALL_TABLE || (entries <= cells && entries <= LARGEST_TABLE)) {
    const every = new Uint8Array(entries * itemsize);
    write(Float64Array.from({ length: entries }, (_, level) => level), every, 0);
    return lookUp(every, itemsize);
  }
  return write;
}

function makeWriter(values: Values, header: Header): ValueWriter {
  const { dtype, itemsize } = header;
  switch (values.kind) {
    case "integer":
      return itemsize === 8
        ? longWriter(values.offset, values.step)
        : integerWriter(dtype, values.offset, values.step, values.top);
    case "ordered":
      return orderedWriter(header, values.offset, values.top);
    case "real": {
      const { offset, step } = values;
      return floatWriter(itemsize, (level) => offset + step * level);
    }
    case "relative":
      return floatWriter(itemsize, relative(values));
    default:
      throw new DecodeError("the payload lacks the table of its values");
  }
}

/** Bit patterns are moved as integers: a NaN keeps its payload. */
function lookUp(table: Uint8Array<ArrayBuffer>, itemsize: number): ValueWriter {
  if (itemsize === 8) {
    const from = new Uint32Array(table.buffer, table.byteOffset);
    return (levels, out, at) => {
      const to = new Uint32Array(out.buffer, out.byteOffset + 8 * at, 2 * levels.length);
      for (let i = 0; i < levels.length; i++) {
        to[2 * i] = from[2 * levels[i]];
        to[2 * i + 1] = from[2 * levels[i] + 1];
      }
    };
  }
  const Words = itemsize === 1 ? Uint8Array : itemsize === 2 ? Uint16Array : Uint32Array;
  const from = new Words(table.buffer, table.byteOffset, table.length / itemsize);
  return (levels, out, at) => {
    const to = new Words(out.buffer, out.byteOffset + itemsize * at, levels.length);
    for (let i = 0; i < levels.length; i++) to[i] = from[levels[i]];
  };
}

function integerArray(dtype: string, buffer: ArrayBuffer, start: number, count: number) {
  switch (dtype.slice(1, 3)) {
    case "i1":
      return new Int8Array(buffer, start, count);
    case "i2":
      return new Int16Array(buffer, start, count);
    case "i4":
      return new Int32Array(buffer, start, count);
    case "u2":
      return new Uint16Array(buffer, start, count);
    case "u4":
      return new Uint32Array(buffer, start, count);
    default:
      return new Uint8Array(buffer, start, count);
  }
}

/** Integers of up to 32 bits, clipped to their dtype's range. */
function integerWriter(dtype: string, offset: bigint, step: bigint, top: bigint): ValueWriter {
  const itemsize = Number(dtype[2]);
  const span = 2 ** (8 * itemsize);
  const [low, high] = dtype[1] === "i" ? [-span / 2, span / 2 - 1] : [0, span - 1];
  const last = offset + step * top;
  const exact = [offset, step, last].every((n) => n < 2n ** 53n && n > -(2n ** 53n));
  const [first, unit] = [Number(offset), Number(step)];
  const value = exact
    ? (level: number) => first + unit * level
    : (level: number) => Number(offset + step * BigInt(level));
  return (levels, out, at) => {
    const to = integerArray(dtype, out.buffer, out.byteOffset + itemsize * at, levels.length);
    for (let i = 0; i < levels.length; i++) {
      const v = value(levels[i]);
      to[i] = v < low ? low : v > high ? high : v;
    }
  };
}

/** Integers of 64 bits, modulo 2^64, as two words. */
function longWriter(offset: bigint, step: bigint): ValueWriter {
  const [offsetLow, offsetHigh] = [Number(offset & 0xffffffffn), Number((offset >> 32n) & 0xffffffffn)];
  const unit = Number(step);
  return (levels, out, at) => {
    const words = new Uint32Array(out.buffer, out.byteOffset + 8 * at, 2 * levels.length);
    const wide = new BigUint64Array(out.buffer, out.byteOffset + 8 * at, levels.length);
    for (let i = 0; i < levels.length; i++) {
      const distance = unit * levels[i];
      if (distance < 2 ** 53) {
        const high = Math.floor(distance / 2 ** 32);
        const low = distance - high * 2 ** 32 + offsetLow;
        words[2 * i] = low;
        words[2 * i + 1] = high + offsetHigh + (low >= 2 ** 32 ? 1 : 0);
      } else wide[i] = BigInt.asUintN(64, offset + step * BigInt(levels[i]));
    }
  };
}

/** Floats out of doubles, clipped to their finite range and rounded. */
function floatWriter(itemsize: number, value: (level: number) => number): ValueWriter {
  const limit = itemsize === 2 ? HALF_LIMIT : itemsize === 4 ? SINGLE_LIMIT : Number.MAX_VALUE;
  const clip = (v: number) => (v < -limit ? -limit : v > limit ? limit : v);
  if (itemsize === 2)
    return (levels, out, at) => {
      const to = new Uint16Array(out.buffer, out.byteOffset + 2 * at, levels.length);
      for (let i = 0; i < levels.length; i++) to[i] = halfBits(clip(value(levels[i])));
    };
  const Floats = itemsize === 4 ? Float32Array : Float64Array;
  return (levels, out, at) => {
    const to = new Floats(out.buffer, out.byteOffset + itemsize * at, levels.length);
    for (let i = 0; i < levels.length; i++) to[i] = clip(value(levels[i]));
  };
}

const DOUBLE = new Float64Array(1);
const DOUBLE_WORDS = new Uint32Array(DOUBLE.buffer);

/** The bit pattern of the float16 nearest to a double, ties to even. */
export function halfBits(value: number): number {
  DOUBLE[0] = value;
  const sign = (DOUBLE_WORDS[1] >>> 16) & 0x8000;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return sign | 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundToEven(magnitude * 2 ** 24);
  const exponent = ((DOUBLE_WORDS[1] >>> 20) & 0x7ff) - 1023;
  // The fraction may round up to the next exponent: a carry, as it should be.
  return sign | (((exponent + 15) << 10) + roundToEven((magnitude * 2 ** -exponent - 1) * 1024));
}

function roundToEven(value: number): number {
  const [whole, rest] = [Math.floor(value), value - Math.floor(value)];
  return rest > 0.5 || (rest === 0.5 && whole % 2) ? whole + 1 : whole;
}

/** `offset * step^n` by repeated squaring, in the order of multiplications that the format fixes. */
function relative(values: Values & { kind: "relative" }): (level: number) => number {
  const zero = Number(values.zero);
  const powers: number[] = [];
  for (let power = values.step, bit = 0; bit < 54; bit++, power *= power) powers.push(power);
  return (level) => {
    const signed = level - zero;
    if (!signed) return 0;
    let value = values.offset;
    let exponent = Math.abs(signed) - 1;
    for (let bit = 0; exponent > 0; bit++, exponent = Math.floor(exponent / 2))
      if (exponent % 2) value *= powers[bit];
    return signed < 0 ? -value : value;
  };
}

/** Floats by their numbers in increasing order. */
function orderedWriter({ dtype, itemsize }: Header, offset: bigint, top: bigint): ValueWriter {
  const bits = 8 * itemsize;
  if (bits === 64 || offset + top >= 2n ** BigInt(bits))
    throw new DecodeError(`the payload's levels number no floats of dtype ${dtypeName(dtype)}`);
  const [first, sign, most] = [Number(offset), 2 ** (bits - 1), 2 ** bits - 1];
  const Words = itemsize === 2 ? Uint16Array : Uint32Array;
  return (levels, out, at) => {
    const to = new Words(out.buffer, out.byteOffset + itemsize * at, levels.length);
    for (let i = 0; i < levels.length; i++) {
      const number = first + levels[i];
      to[i] = number >= sign ? number - sign : most - number;
    }
  };
}
