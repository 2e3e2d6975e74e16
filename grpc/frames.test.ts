import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader, framed } from './frames.ts';

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
}

describe('a reader of frames', () => {
  it('finds the messages, wherever the chunks end', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.array(fc.nat()), (messages, places) => {
        const reader = new FrameReader(64);
        const found: number[][] = [];
        const bytes = Buffer.concat(messages.map(framed));
        for (const chunk of cut(bytes, places)) reader.read(chunk, (message) => found.push([...message]));
        expect(found).toEqual(messages.map((message) => [...message]));
      }),
    );
  });

  it('refuses a message that is too long before it is there, and a compressed one', () => {
    const head = Buffer.from([0, 0, 0, 0, 65]);
    expect(() => new FrameReader(64).read(head, () => {})).toThrow('a message of 65 bytes; 64 is the most');
    const compressed = Buffer.from([1, 0, 0, 0, 0]);
    expect(() => new FrameReader(64).read(compressed, () => {})).toThrow('compressed messages are not taken');
  });
});
