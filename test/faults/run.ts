/**
 * Faults on a cluster of real processes, each instance in a network of its own:
 *   npm run faults -- [--only NAME]... [--runs N] [--json FILE] [--markdown FILE] [--logs DIRECTORY] [--list]
 * Needs root, because of the namespaces. Exit code 0 when every run was as it must be.
 */
import { join, resolve } from 'node:path';
import { fetchClock } from './lab/clock.ts';
import { missingForSealing, runSealed } from './lab/sealed.ts';
import { FAULTS } from './list.ts';
import { type FaultOptions, faultOptions } from './options.ts';

try {
  const options = faultOptions(process.argv.slice(2));
  process.exitCode = options.list ? list() : await run(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

function list(): number {
  for (const { name, says, missing } of FAULTS) {
    const why = missing?.();
    console.log(`${name.padEnd(28)} ${says}${why === undefined ? '' : ` [not here: ${why}]`}`);
  }
  return 0;
}

async function run({ only, runs, json, markdown, logs }: FaultOptions): Promise<number> {
  const missing = missingForSealing();
  if (missing.length > 0) throw new Error(`faults can't be played here: ${missing.join('; ')}`);
  fetchClock();
  const files = Object.entries({ json, markdown, logs }).flatMap(([flag, file]) =>
    file ? [`--${flag}`, resolve(file)] : [],
  );
  return runSealed(join(import.meta.dirname, 'play.ts'), [
    ...only.flatMap((name) => ['--only', name]),
    ...['--runs', String(runs)],
    ...files,
  ]);
}
