/**
 * The short form of `npm run faults`: some of its faults, one after the other on real instances in networks of their
 * own. The last one, where somebody accepts that commits are lost, shows that the check sees lost commits.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { missingForSealing } from '../faults/lab/sealed.ts';
import type { Report } from '../faults/report.ts';
import { tempDir } from '../support/temp-dir.ts';

const RUN = join(import.meta.dirname, '../faults/run.ts');
const FAULTS = ['postmaster-killed', 'promoted-by-hand', 'primary-isolated', 'failover-with-accepted-loss'];
const missing = missingForSealing();
if (missing.length > 0) console.warn(`faults are skipped: ${missing.join('; ')}`);

describe(`faults in a network${missing.length > 0 ? ` (skipped: ${missing.join('; ')})` : ''}`, () => {
  it.skipIf(missing.length > 0)(FAULTS.join(', '), { timeout: 400_000 }, () => {
    using directory = tempDir();
    const json = join(directory.path, 'report.json');
    const only = FAULTS.flatMap((name) => ['--only', name]);
    const done = spawnSync(process.execPath, [RUN, ...only, '--json', json], { encoding: 'utf8' });
    const report: Report = JSON.parse(readFileSync(json, 'utf8'));
    expect(done.status, done.stdout + done.stderr).toBe(0);
    expect(report).toMatchObject({ rounds: FAULTS.length, failed: 0, lost: 0, rolledBack: 0, violations: 0 });
    const seen = report.faults.find(({ fault }) => fault === 'failover-with-accepted-loss');
    expect(seen?.lost).toBeGreaterThan(0);
  });
});
