/** Bytes that are no payload, are damaged, or do not hold what they declare. */
export class DecodeError extends Error {
  override name = "DecodeError";
}

/** A payload of a format version that this package does not know. */
export class UnsupportedVersionError extends DecodeError {
  override name = "UnsupportedVersionError";
}
