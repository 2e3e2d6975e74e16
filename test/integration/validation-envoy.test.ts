/**
 * The rules that Howdah holds and what Envoy itself refuses, over resources that are right and that were broken by one
 * change each. The same seed gives the same resources and the same verdicts.
 * UPDATE_GOLDENS=1 writes the result into docs/validation.md; read the diff before you commit it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { findEnvoy } from '../../control-plane/runtime/binaries/index.ts';
import {
  type Comparison,
  compare,
  comparisonText,
  ourVerdict,
  unusedExplanations,
} from '../support/validation/comparison.ts';
import { envoyVerdict, inParallel } from '../support/validation/envoy-verdict.ts';
import { mutants } from '../support/validation/mutations.ts';
import { bootstrapOf, samples } from '../support/validation/samples.ts';

const SEED = 1;
const PER_SAMPLE = 20;
/** Processes at once: they are short, and each keeps one core busy. */
const WIDTH = 2;
const PAGE = new URL('../../docs/validation.md', import.meta.url);
const BEGIN = '<!-- begin of what test/integration/validation-envoy.test.ts holds -->';
const END = '<!-- end -->';

let envoyPath: string;
let comparison: Comparison;

beforeAll(async () => {
  envoyPath = (await findEnvoy()).path;
  const all = mutants(samples(), PER_SAMPLE, SEED);
  const verdicts = await inParallel(all, WIDTH, async (mutant) => {
    const { kind } = mutant.sample;
    const ours = ourVerdict({ ...mutant.sample, resource: mutant.resource });
    return { mutant, ours, envoys: await envoyVerdict(envoyPath, bootstrapOf(kind, mutant.resource)) };
  });
  comparison = compare(verdicts);
}, 600_000);

describe('valid resources', () => {
  it('are taken by both', async () => {
    const verdicts = await inParallel(samples(), WIDTH, async (sample) => [
      sample.name,
      ourVerdict(sample),
      await envoyVerdict(envoyPath, bootstrapOf(sample.kind, sample.resource)),
    ]);
    expect(verdicts.filter(([, ours, envoys]) => ours !== '' || envoys !== '')).toEqual([]);
  });
});

describe('changed resources', () => {
  it('are many, of both kinds', () => {
    expect(comparison.bothAccept).toBeGreaterThan(100);
    expect(comparison.bothRefuse).toBeGreaterThan(100);
  });

  it('where the verdicts differ, it is explained', () => {
    expect(comparison.disagreements.filter(({ explanation }) => explanation === '')).toEqual([]);
    expect(unusedExplanations(comparison)).toEqual([]);
  });

  it('docs/validation.md tells of each', () => {
    const page = readFileSync(PAGE, 'utf8');
    const begin = page.indexOf(BEGIN) + BEGIN.length;
    const end = page.indexOf(END);
    const wanted = `\n\n${comparisonText(comparison)}\n`;
    if (process.env.UPDATE_GOLDENS === '1') writeFileSync(PAGE, page.slice(0, begin) + wanted + page.slice(end));
    else expect(page.slice(begin, end)).toBe(wanted);
  });
});
