/**
 * `npm run simulate -- [--seeds N] [--from S] [--jobs J]`: many seeds, in J processes; prints each failing one with its
 * last events. `--seed S` prints one run from begin to end. Exit code 1 when a promise of the protocol was broken.
 */
import { fork } from 'node:child_process';
import { parseArgs } from 'node:util';
import { type SimulationResult, simulate } from './simulate.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    seed: { type: 'string' },
    /** Stop after this many failures. */
    failures: { type: 'string', default: '3' },
  },
});
const from = Number(values.from);
const seeds = Number(values.seeds);
const jobs = Number(values.jobs);
const failures = Number(values.failures);

/** What a child process tells of one seed. */
type Line = Omit<SimulationResult, 'trace'> & { readonly trace: readonly string[] | null };

const brief = (result: SimulationResult): Line => ({ ...result, trace: result.violation ? result.trace : null });

if (values.seed !== undefined) {
  const result = await simulate(Number(values.seed));
  console.log(result.trace.join('\n'));
  console.log(`seed ${result.seed}: ${result.violation ?? 'no violation'} (trace ${result.traceHash})`);
  process.exitCode = result.violation ? 1 : 0;
} else if (process.send) {
  // A child: every `jobs`th seed.
  for (let seed = from; seed < from + seeds; seed += jobs) process.send(brief(await simulate(seed)));
  process.disconnect();
} else {
  await runAll();
}

async function runAll(): Promise<void> {
  const faults: Record<string, number> = {};
  const sum = { runs: 0, promotions: 0, acknowledged: 0, events: 0, failed: 0 };
  const take = (line: Line) => {
    sum.runs++;
    sum.promotions += line.promotions;
    sum.acknowledged += line.acknowledged;
    sum.events += line.events;
    for (const [name, count] of Object.entries(line.faults)) faults[name] = (faults[name] ?? 0) + count;
    if (!line.violation) return;
    sum.failed++;
    console.log((line.trace ?? []).slice(-120).join('\n'));
    console.log(`seed ${line.seed}: ${line.violation} (trace ${line.traceHash})\n`);
  };
  const startedAt = performance.now();
  if (jobs === 1) {
    for (let seed = from; seed < from + seeds && sum.failed < failures; seed++) take(brief(await simulate(seed)));
  } else {
    await Promise.all(Array.from({ length: jobs }, (_, job) => runJob(job, take, () => sum.failed >= failures)));
  }
  const seconds = (performance.now() - startedAt) / 1000;
  for (const name of Object.keys(faults).sort()) console.log(`${String(faults[name]).padStart(8)} ${name}`);
  console.log(
    `${sum.runs} seeds in ${seconds.toFixed(1)} s: ${sum.promotions} changes of primary (${(sum.promotions / seconds).toFixed(0)} a second), ` +
      `${sum.acknowledged} commits, ${(sum.events / seconds / 1000).toFixed(0)} thousand events a second, ${sum.failed} failed`,
  );
  process.exitCode = sum.failed > 0 ? 1 : 0;
}

function runJob(job: number, take: (line: Line) => void, enough: () => boolean): Promise<void> {
  const own = ['--seeds', String(seeds - job), '--from', String(from + job), '--jobs', String(jobs)];
  const child = fork(import.meta.filename, own);
  child.on('message', (line: Line) => {
    if (enough()) child.kill();
    else take(line);
  });
  return new Promise((resolve, reject) => {
    child.once('exit', (code, signal) => {
      if (code === 0 || enough()) resolve();
      else reject(new Error(`a child process ended with ${code ?? signal}`));
    });
  });
}
