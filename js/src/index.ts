export { type Dates, openDates } from "./dates.js";
export { type Chunk, decodeBytes, decodeChunk } from "./decode.js";
export { DecodeError, UnsupportedVersionError } from "./errors.js";
export { type Header, parseHeader } from "./header.js";
export { decodePart, type GetRange, type Part, type Selection } from "./partial.js";
export { setWorkers } from "./pool.js";
export { type NumberArray, typedArray } from "./typed.js";
export { register } from "./zarr.js";
