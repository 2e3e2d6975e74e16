import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { MUTANTS } from './mutant-list.ts';
import { findViolation, patched, patchedFiles } from './mutants.ts';
import { simulate } from './simulate.ts';

const RUN = path.join(import.meta.dirname, 'run.ts');
const MINUTES = 60_000;

/** Runs seeds in processes of their own; answers what run.ts printed. */
async function runSeeds(...flags: string[]): Promise<{ readonly ok: boolean; readonly output: string }> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [RUN, ...flags], { maxBuffer: 2 ** 26 });
    return { ok: true, output: stdout };
  } catch (error) {
    if (!(error instanceof Error && 'stdout' in error)) throw error;
    return { ok: false, output: String(error.stdout) };
  }
}

describe('the simulation', () => {
  it(
    'breaks no promise in 2,000 seeds',
    async () => {
      const { ok, output } = await runSeeds('--seeds', '2000', '--jobs', '2');
      // A failure shows each seed with its last events and the hash of its trace.
      expect(ok, output).toBe(true);
      expect(output).toContain('2000 seeds');
    },
    6 * MINUTES,
  );

  it('runs a seed the same way twice', async () => {
    for (const seed of [1, 2, 3]) {
      const [first, second] = [await simulate(seed), await simulate(seed)];
      expect(second.trace).toEqual(first.trace);
      expect(second.traceHash).toBe(first.traceHash);
      expect(first.failovers * first.acknowledged).toBeGreaterThan(0);
    }
    expect((await simulate(1)).traceHash).not.toBe((await simulate(2)).traceHash);
  });

  it('runs a seed in another process the same way, and prints all of it', async () => {
    const here = await simulate(5);
    const { output } = await runSeeds('--seed', '5');
    expect(output).toContain(`seed 5: no violation (trace ${here.traceHash})`);
    expect(output).toContain(here.trace.at(-1));
  });
});

describe('a planted defect', () => {
  it.each([
    ['reversed LSN sort', 200],
    ['missing fence', 1000],
  ])(
    'is found: %s',
    async (name, seeds) => {
      const mutant = MUTANTS.find((each) => each.name === name)!;
      expect(await findViolation(mutant, seeds)).toMatchObject({ kind: 'found' });
    },
    3 * MINUTES,
  );

  it.each(MUTANTS)('can be planted: $name', (mutant) => {
    expect(patchedFiles(mutant).size).toBeGreaterThan(0);
  });

  it('must apply exactly once', () => {
    const patch = { file: 'x.ts', find: 'a', replace: 'b' };
    expect(patched('xax', patch, 'm')).toBe('xbx');
    expect(() => patched('aa', patch, 'm')).toThrow('2 times in x.ts, not once');
    expect(() => patched('', patch, 'm')).toThrow('mutant "m": its text is 0 times');
  });
});
