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

/** 64 bits of a hash of a resource's name and version. */
export function markOf(name: string, version: string): Mark {
  const digits = hash('sha256', `${name}\n${version}`, 'hex');
  return { high: Number.parseInt(digits.slice(0, 8), 16) | 0, low: Number.parseInt(digits.slice(8, 16), 16) | 0 };
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
