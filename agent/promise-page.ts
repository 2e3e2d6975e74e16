import { createHash } from 'node:crypto';

/**
 * The bytes of a promise file: the same line of JSON with a checksum twice, each padded to a page of its own, so that a
 * write which a crash cuts short can damage one of the two only. Pure.
 */
export const PAGE_BYTES = 4096;

/** One page for `epoch`. */
export function encodePage(epoch: number): Buffer {
  const line = JSON.stringify({ epoch, checksum: checksum(epoch) });
  return Buffer.from(`${line.padEnd(PAGE_BYTES - 1)}\n`, 'latin1');
}

/** The epoch that a page holds; undefined for one that is not exactly what encodePage made. */
export function decodePage(page: Buffer): number | undefined {
  try {
    const epoch = Number(JSON.parse(page.toString('latin1')).epoch);
    return Number.isSafeInteger(epoch) && epoch >= 0 && encodePage(epoch).equals(page) ? epoch : undefined;
  } catch {
    return undefined;
  }
}

function checksum(epoch: number): string {
  return createHash('sha256').update(`howdah promise ${epoch}`).digest('hex');
}
