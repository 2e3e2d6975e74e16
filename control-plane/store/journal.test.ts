import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, readFrame, SECTOR_BYTES } from './journal.ts';

const ZEROS = Buffer.alloc(2 * SECTOR_BYTES);
const payload = (size: number) => ({ text: 'x'.repeat(size) });

/** Every whole entry from the start, and how the reading ended. */
function readAll(file: Buffer): { payloads: unknown[]; ending: string } {
  const payloads: unknown[] = [];
  let found = readFrame(file, 0, 0);
  for (; found.kind === 'frame'; found = readFrame(file, found.end, payloads.length)) payloads.push(found.payload);
  return { payloads, ending: found.kind };
}

describe('journal', () => {
  it('gives back every entry, with and without zeros after the last', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 5 }), fc.constantFrom(0, 1, 700), (values, spare) => {
        const payloads = JSON.parse(JSON.stringify(values)) as unknown[];
        const file = Buffer.concat([...payloads.map((value, index) => encodeFrame(index, value)), Buffer.alloc(spare)]);
        expect(readAll(file)).toEqual({ payloads, ending: 'end' });
      }),
    );
  });

  it('fills whole sectors and holds no zero byte', () => {
    for (const size of [0, 400, 450, 451, 452, 453, 454, 455, 456, 2000]) {
      const frame = encodeFrame(0, payload(size));
      expect(frame.length % SECTOR_BYTES).toBe(0);
      expect(frame.includes(0)).toBe(false);
    }
    expect(encodeFrame(0, 'a\u0000b').includes(0)).toBe(false);
  });

  it('tells damage of any one byte, whatever it becomes, from an end', () => {
    const frames = [payload(10), payload(900), payload(10)].map((value, index) => encodeFrame(index, value));
    const sound = Buffer.concat([...frames, ZEROS]);
    const all = readAll(sound);
    for (let at = 0; at < sound.length - ZEROS.length; at += 1) {
      for (const value of [0x00, 0x20, 0xff, sound[at]! ^ 1]) {
        const bytes = Buffer.from(sound);
        bytes[at] = value;
        const read = readAll(bytes);
        if (read.ending !== 'damaged') expect(read).toEqual(all);
      }
    }
  });

  it('loses no entry to a stray byte in the zeros after the last', () => {
    const sound = Buffer.concat([encodeFrame(0, 1), ZEROS]);
    for (let at = SECTOR_BYTES; at < sound.length; at += 1) {
      const bytes = Buffer.from(sound);
      bytes[at] = 1;
      const read = readAll(bytes);
      expect(read.ending).not.toBe('end');
      expect(read.payloads).toEqual([1]);
    }
  });

  it('takes a last entry of which any sectors are missing as torn', () => {
    const first = encodeFrame(0, payload(10));
    const last = encodeFrame(1, payload(3 * SECTOR_BYTES));
    const sectors = last.length / SECTOR_BYTES;
    for (let missing = 1; missing < 2 ** sectors - 1; missing += 1) {
      const bytes = Buffer.concat([first, last, ZEROS]);
      for (let sector = 0; sector < sectors; sector += 1) {
        const start = first.length + sector * SECTOR_BYTES;
        if (missing & (1 << sector)) bytes.fill(0, start, start + SECTOR_BYTES);
      }
      expect(readAll(bytes)).toEqual({ payloads: [payload(10)], ending: 'torn' });
    }
  });

  it('takes an entry with missing sectors before the last one as damage', () => {
    const frames = [payload(10), payload(900), payload(10)].map((value, index) => encodeFrame(index, value));
    for (const sector of [1, 2]) {
      const bytes = Buffer.concat([...frames, ZEROS]);
      bytes.fill(0, sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
      expect(readAll(bytes)).toEqual({ payloads: [payload(10)], ending: 'damaged' });
    }
  });

  it('refuses entries that are out of order, repeated or left out', () => {
    const [a, b, c] = [0, 1, 2].map((index) => encodeFrame(index, index)) as [Buffer, Buffer, Buffer];
    for (const frames of [[b], [a, c], [a, a], [a, b, b], [a, c, b]]) {
      expect(readAll(Buffer.concat(frames)).ending).toBe('damaged');
    }
  });
});
