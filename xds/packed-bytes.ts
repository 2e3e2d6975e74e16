/**
 * Keeps bytes for long in little memory: what an encoder returns is often a piece of something much larger, which lives
 * as long as the piece, and a buffer of its own costs more than a small resource.
 */

const CHUNK_BYTES = 4096;
/** Larger ones get a buffer of their own: a chunk's end is not worth more than this. */
const SHARED_MOST_BYTES = CHUNK_BYTES / 4;

let chunk = Buffer.alloc(0);
let used = 0;

/** A copy. Resources that are encoded one after the other share memory, and mostly go out of use together. */
export function packed(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (length > SHARED_MOST_BYTES) {
    const own = Buffer.allocUnsafeSlow(length);
    own.set(bytes);
    return own;
  }
  if (used + length > chunk.length) {
    chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    used = 0;
  }
  const copy = chunk.subarray(used, used + length);
  copy.set(bytes);
  used += length;
  return copy;
}
