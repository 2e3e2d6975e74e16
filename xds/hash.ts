/** What versions are made of. */
import { hash } from 'node:crypto';
import type { Mark } from './resource.ts';

const HEX_DIGITS = 16;
const scratch = Buffer.alloc(HEX_DIGITS);

/** 64 bits in hexadecimal: enough to tell versions apart, short enough to read in a log. */
export function contentHash(content: string | Uint8Array): string {
  // Not a piece of the whole hash's text: that would stay in memory as long as the piece.
  scratch.write(hash('sha256', content, 'hex'), 0, HEX_DIGITS, 'latin1');
  return scratch.toString('latin1', 0, HEX_DIGITS);
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
