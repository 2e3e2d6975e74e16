import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ModelSubject } from './model-subject.ts';
import { type Line, runScript } from './script.ts';

const recorded: readonly Line[] = JSON.parse(
  readFileSync(path.join(import.meta.dirname, 'testdata', 'recorded.json'), 'utf8'),
);

describe('the models of agent and PostgreSQL', () => {
  it.each([1, 2, 3, 4, 5])('tell what real ones were recorded to tell, whatever the delays (seed %i)', async (seed) => {
    expect(await runScript(new ModelSubject(seed))).toEqual(recorded);
  });
});
