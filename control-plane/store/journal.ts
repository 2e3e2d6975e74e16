/**
 * The journal's bytes: frames, and how a torn one is told from a damaged one. Pure.
 *
 * A frame is text: a header line, one line of JSON, spaces up to the next multiple of SECTOR_BYTES, a line feed. It
 * never holds a zero byte, and the file is filled with zeros in advance. So a sector of zeros was never written, and
 * a frame that misses whole sectors is an append that a crash cut short: it was never acknowledged. Anything else that
 * doesn't fit its checksum is damage. Frames start at sectors, so that no append touches what is acknowledged.
 */
import { crc32 } from 'node:zlib';

/** The unit that a disk writes wholly or not at all. */
export const SECTOR_BYTES = 512;

const MAGIC = 'howdah1';
// MAGIC, sequence number, length of the whole frame, checksum of all after the header, checksum of the header so far.
const HEADER = /^howdah1 ([0-9a-f]{8}) ([0-9a-f]{8}) ([0-9a-f]{8}) ([0-9a-f]{8})\n/;
const HEADER_BYTES = MAGIC.length + 4 * 9 + 1;

/** What one look at the journal finds at an offset. */
export type Found =
  | { readonly kind: 'frame'; readonly payload: unknown; readonly end: number }
  /** Only zeros from here on, or nothing. */
  | { readonly kind: 'end' }
  /** An append that was cut short: its bytes from here to the file's end are to be made zero again. */
  | { readonly kind: 'torn' }
  | { readonly kind: 'damaged'; readonly detail: string };

/** `sequence`: 0 for a file's first frame, then one more each. */
export function encodeFrame(sequence: number, payload: unknown): Buffer {
  const json = Buffer.from(`${JSON.stringify(payload)}\n`, 'utf8');
  const length = Math.ceil((HEADER_BYTES + json.length + 1) / SECTOR_BYTES) * SECTOR_BYTES;
  const frame = Buffer.alloc(length, ' ');
  json.copy(frame, HEADER_BYTES);
  frame[length - 1] = 0x0a;
  const head = `${MAGIC} ${hex(sequence)} ${hex(length)} ${hex(crc32(frame.subarray(HEADER_BYTES)))}`;
  frame.write(`${head} ${hex(crc32(head))}\n`, 0, 'latin1');
  return frame;
}

/** Looks at `offset`, which must be where a frame ended or 0, for the frame `sequence`. */
export function readFrame(file: Buffer, offset: number, sequence: number): Found {
  const rest = file.subarray(offset);
  if (isZero(rest)) return { kind: 'end' };
  if (isZero(rest.subarray(0, SECTOR_BYTES))) return cutShort(file, offset, file.length, 'has no beginning');
  if (rest.length < SECTOR_BYTES) return { kind: 'torn' };

  const header = parseHeader(rest);
  if (!header) return { kind: 'damaged', detail: 'the header of the entry is damaged' };
  if (header.sequence !== sequence) {
    return { kind: 'damaged', detail: `entry ${header.sequence} stands where entry ${sequence} must be` };
  }
  const frame = rest.subarray(0, header.length);
  const sound = frame.length === header.length && crc32(frame.subarray(HEADER_BYTES)) === header.checksum;
  if (sound) {
    return { kind: 'frame', payload: JSON.parse(frame.toString('utf8', HEADER_BYTES)), end: offset + header.length };
  }
  if (frame.length === header.length && !hasUnwrittenSector(frame)) {
    return { kind: 'damaged', detail: 'the entry does not fit its checksum' };
  }
  return cutShort(file, offset, offset + header.length, 'is incomplete');
}

/** Only the last append can have been cut short, and one is under way at a time: nothing may follow its extent. */
function cutShort(file: Buffer, offset: number, end: number, how: string): Found {
  const follows = !isZero(file.subarray(end)) || hasHeader(file, offset + SECTOR_BYTES);
  return follows ? { kind: 'damaged', detail: `the entry ${how}, and others follow it` } : { kind: 'torn' };
}

function hasHeader(file: Buffer, from: number): boolean {
  for (let offset = from; offset < file.length; offset += SECTOR_BYTES) {
    if (parseHeader(file.subarray(offset))) return true;
  }
  return false;
}

function parseHeader(bytes: Buffer) {
  const match = HEADER.exec(bytes.toString('latin1', 0, HEADER_BYTES));
  if (!match) return undefined;
  const [head = '', ...fields] = match;
  const [sequence = 0, length = 0, checksum = 0, own = 0] = fields.map((text) => Number.parseInt(text, 16));
  return crc32(head.slice(0, -' 01234567\n'.length)) === own ? { sequence, length, checksum } : undefined;
}

function hasUnwrittenSector(frame: Buffer): boolean {
  for (let offset = 0; offset < frame.length; offset += SECTOR_BYTES) {
    if (isZero(frame.subarray(offset, offset + SECTOR_BYTES))) return true;
  }
  return false;
}

const ZEROS = Buffer.alloc(64 * 1024);

function isZero(bytes: Buffer): boolean {
  for (let offset = 0; offset < bytes.length; offset += ZEROS.length) {
    const part = bytes.subarray(offset, offset + ZEROS.length);
    if (!part.equals(ZEROS.subarray(0, part.length))) return false;
  }
  return true;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
