export { type Chunk, decodeBytes, decodeChunk } from "./decode.js";
export { DecodeError, UnsupportedVersionError } from "./errors.js";
export { type Header, parseHeader } from "./header.js";
