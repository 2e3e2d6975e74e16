import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from './lines.ts';

function split(chunks: readonly string[], maxLength: number): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line), maxLength);
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

describe('LineSplitter', () => {
  it('gives the same lines however the text was cut into chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '\n', '\r'), maxLength: 12 })), (chunks) => {
        expect(split(chunks, 20)).toEqual(split([chunks.join('')], 20));
      }),
    );
  });

  it('gives each line once and leaves empty ones out', () => {
    expect(split(['one\ntw', 'o\r\n\n', 'three'], 100)).toEqual(['one', 'two', 'three']);
  });

  it('cuts a line that is too long and goes on with the next', () => {
    expect(split(['0123456789', 'abc\nnext\n'], 8)).toEqual(['01234567 [line cut]', 'next']);
  });
});
