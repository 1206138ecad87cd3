/** Little-endian bytes as the typed array of a dtype. */

export type NumberArray =
  | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array
  | BigInt64Array | BigUint64Array | Float32Array | Float64Array;

type Constructor = new (buffer: ArrayBuffer, start: number, length: number) => NumberArray;

/**
 * The array of a NumPy type string over bytes that begin at a multiple of its item size.
 *
 * Booleans are `Uint8Array`; datetimes and timedeltas `BigInt64Array`, in their unit; float16 is
 * `Float16Array` where there is one, else the bit patterns in a `Uint16Array`.
 */
export function typedArray(dtype: string, bytes: Uint8Array<ArrayBuffer>): NumberArray {
  const float16 = (globalThis as { Float16Array?: Constructor }).Float16Array ?? Uint16Array;
  const arrays: Record<string, Constructor> = {
    b1: Uint8Array, u1: Uint8Array, i1: Int8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array,
    u4: Uint32Array, i8: BigInt64Array, u8: BigUint64Array, m8: BigInt64Array, M8: BigInt64Array,
    f2: float16 as Constructor, f4: Float32Array, f8: Float64Array,
  };
  return new arrays[dtype.slice(1, 3)](bytes.buffer, bytes.byteOffset, bytes.length / Number(dtype[2]));
}
