/** What versions are made of: 64 bits, enough to tell versions apart, and in hexadecimal short enough to read in a log. */
import type { Mark } from './resource.ts';

/**
 * Of a resource's bytes. Two times MurmurHash3 in one go, with constants of its own each: a cryptographic hash would cost
 * more than encoding the resource, and nobody gains by two resources of one version but its own author.
 * https://github.com/aappleby/smhasher/wiki/MurmurHash3
 */
export function contentHash(content: Uint8Array): string {
  const { length } = content;
  let [high, low] = [FNV_OFFSET ^ length, FNV_OFFSET ^ FNV_PRIME];
  for (let index = 0; index < length; index += BYTES_PER_WORD) {
    // What is past the end counts as 0: the length is in it already.
    const word =
      content[index]! | (content[index + 1]! << 8) | (content[index + 2]! << 16) | (content[index + 3]! << 24);
    high = (Math.imul(rotated(high ^ mixed(word, 0xcc9e2d51, 15, 0x1b873593), 13), 5) + 0xe6546b64) | 0;
    low = (Math.imul(rotated(low ^ mixed(word, 0x239b961b, 16, 0x38b34ae5), 17), 5) + 0x561ccd1b) | 0;
  }
  return hexadecimal(finished(high ^ (low >>> 15))) + hexadecimal(finished(low ^ (high >>> 13)));
}

const BYTES_PER_WORD = 4;

function mixed(word: number, first: number, bits: number, second: number): number {
  return Math.imul(rotated(Math.imul(word, first), bits), second);
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/**
 * 64 bits of a hash of a resource's name and version. Versions that are hashes already need no strong one on top, and a
 * change of many resources needs many marks: two times FNV-1a, each finished as MurmurHash3 is.
 * https://github.com/aappleby/smhasher/wiki/MurmurHash3
 */
export function markOf(name: string, version: string): Mark {
  let [high, low] = [FNV_OFFSET, FNV_OFFSET ^ FNV_PRIME];
  for (const part of [name, '\n', version]) {
    for (let index = 0; index < part.length; index++) {
      const code = part.charCodeAt(index);
      high = Math.imul(high ^ code, FNV_PRIME);
      low = Math.imul(low ^ code, MURMUR_SECOND);
    }
  }
  return { high: finished(high ^ (low >>> 15)), low: finished(low ^ (high >>> 13)) };
}

const FNV_OFFSET = 0x811c9dc5 | 0;
const FNV_PRIME = 0x01000193;
const MURMUR_FIRST = 0x85ebca6b | 0;
const MURMUR_SECOND = 0xc2b2ae35 | 0;

function finished(sum: number): number {
  const first = Math.imul(sum ^ (sum >>> 16), MURMUR_FIRST);
  const second = Math.imul(first ^ (first >>> 13), MURMUR_SECOND);
  return second ^ (second >>> 16);
}

/** The version of resources together: the same content has the same, whatever the order. Also across restarts. */
export function versionOf(resources: Iterable<{ readonly mark: Mark }>): string {
  let [high, low] = [0, 0];
  for (const { mark } of resources) {
    high = (high + mark.high) | 0;
    low = (low + mark.low) | 0;
  }
  return hexadecimal(high) + hexadecimal(low);
}

function hexadecimal(integer: number): string {
  return (integer >>> 0).toString(16).padStart(8, '0');
}
