import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CHAPTERS } from './chapters.ts';
import { conformanceDocument, DOCUMENT } from './document.ts';

describe('the list of behaviours', () => {
  it('is in the documentation as it is (npm run docs:xds)', () => {
    expect(readFileSync(DOCUMENT, 'utf8')).toBe(conformanceDocument(CHAPTERS));
  });

  it('has no name twice', () => {
    const names = CHAPTERS.flatMap(({ behaviours }) => behaviours.map(({ name }) => name));
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});
