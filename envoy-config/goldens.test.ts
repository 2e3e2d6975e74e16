import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { GOLDEN_DIRECTORY, goldenFiles, translateGoldens } from '../test/support/envoy-goldens.ts';

// UPDATE_GOLDENS=1 npx vitest run envoy-config writes what the code makes now; read the diff before you commit it.
const update = process.env.UPDATE_GOLDENS === '1';

const expected = goldenFiles(translateGoldens());

function present(): string[] {
  return readdirSync(GOLDEN_DIRECTORY)
    .filter((file) => !file.endsWith('.in.yaml'))
    .toSorted();
}

if (update) {
  for (const file of present()) if (!expected.has(file)) rmSync(new URL(file, GOLDEN_DIRECTORY));
  for (const [file, text] of expected) writeFileSync(new URL(file, GOLDEN_DIRECTORY), text);
}

describe('golden files', () => {
  it('are all there and none is stale', () => {
    expect(present()).toEqual([...expected.keys()].toSorted());
  });

  it.each([...expected.keys()])('%s is what the code makes', (file) => {
    expect(expected.get(file)).toBe(readFileSync(new URL(file, GOLDEN_DIRECTORY), 'utf8'));
  });
});
