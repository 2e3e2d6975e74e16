/**
 * `npm run simulate -- [--seeds N] [--from S] [--jobs J] [--failures F] [--sum FILE]`: many seeds, in J processes; prints
 * each failing one with its last events, and what was counted; `--sum` adds that to a file, for a run in pieces.
 * `--seed S` prints one run from begin to end, with `--faults 3,7 --course V` of only these of its faults. Exit code 1 when a promise of the protocol was broken.
 */
import { fork } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { attempt, formatShrunk, scheduleOfSeed, shrink } from './shrink.ts';
import { simulate } from './simulate.ts';
import { addToFile, count, format, merge, newTally, type Tally } from './tally.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    seed: { type: 'string' },
    /** Indices into the schedule of `seed`; default all. */
    faults: { type: 'string' },
    course: { type: 'string', default: '0' },
    /** Print failing seeds with all their faults. */
    whole: { type: 'boolean', default: false },
    /** Stop after this many failures. */
    failures: { type: 'string', default: '3' },
    sum: { type: 'string' },
  },
});
const from = Number(values.from);
const seeds = Number(values.seeds);
const jobs = Number(values.jobs);
const failures = Number(values.failures);
const LAST_EVENTS = 120;
/** Seeds between two messages of a child process. */
const BATCH = 50;

/** What a child process tells: a batch of seeds, and the failing ones of it. */
interface Batch {
  readonly tally: Tally;
  readonly failed: readonly string[];
}

if (values.seed !== undefined) {
  const seed = Number(values.seed);
  const result = await attempt(seed, keptFaults(seed), Number(values.course));
  console.log(result.trace.join('\n'));
  console.log(`seed ${result.seed}: ${result.violation ?? 'no violation'} (trace ${result.traceHash})`);
  process.exitCode = result.violation ? 1 : 0;
} else if (process.send) {
  for (const { at, size } of batches()) process.send(await runBatch(at, size));
  process.disconnect();
} else {
  await runAll();
}

function keptFaults(seed: number): number[] {
  if (values.faults === undefined) return scheduleOfSeed(seed).map((_, index) => index);
  return values.faults === 'none' ? [] : values.faults.split(',').map(Number);
}

/** Those of a child process: every `jobs`th one. */
function* batches(): Generator<{ readonly at: number; readonly size: number }> {
  for (let at = from; at < from + seeds; at += BATCH * jobs) yield { at, size: Math.min(BATCH, from + seeds - at) };
}

async function runBatch(at: number, size: number): Promise<Batch> {
  const tally = newTally();
  const failed: string[] = [];
  const before = process.cpuUsage();
  // Refusals are errors here as in production, and nobody reads where each came from; a run of `--seed` has it.
  Error.stackTraceLimit = 0;
  for (let seed = at; seed < at + size && failed.length < failures; seed++) {
    const result = await simulate(seed);
    count(tally, result);
    if (!result.violation) continue;
    const events = values.whole
      ? result.trace.slice(-LAST_EVENTS).join('\n')
      : formatShrunk(seed, await shrink(seed, result.violation), LAST_EVENTS);
    failed.push(`${events}\nseed ${seed}: ${result.violation} (trace ${result.traceHash})\n`);
  }
  const { user, system } = process.cpuUsage(before);
  tally.cpuSeconds = (user + system) / 1e6;
  // A run never leaves its own turn: messages go out now.
  await turn();
  return { tally, failed };
}

async function runAll(): Promise<void> {
  const total = newTally();
  const take = ({ tally, failed }: Batch) => {
    merge(total, tally);
    for (const text of failed) console.log(text);
  };
  const enough = () => total.violations >= failures;
  if (jobs === 1) {
    for (const { at, size } of batches()) if (!enough()) take(await runBatch(at, size));
  } else {
    await Promise.all(Array.from({ length: jobs }, (_, job) => runJob(job, take, enough)));
  }
  console.log(format(total));
  if (values.sum !== undefined) console.log(`\nin all\n${format(addToFile(values.sum, total))}`);
  process.exitCode = total.violations > 0 ? 1 : 0;
}

function runJob(job: number, take: (batch: Batch) => void, enough: () => boolean): Promise<void> {
  const skipped = job * BATCH;
  if (skipped >= seeds) return Promise.resolve();
  const own = ['--seeds', String(seeds - skipped), '--from', String(from + skipped), '--jobs', String(jobs)];
  const how = ['--failures', String(failures), ...(values.whole ? ['--whole'] : [])];
  const child = fork(import.meta.filename, [...own, ...how]);
  child.on('message', (batch: Batch) => {
    if (enough()) child.kill();
    else take(batch);
  });
  return new Promise((resolve, reject) => {
    child.once('exit', (code, signal) => {
      if (code === 0 || enough()) resolve();
      else reject(new Error(`a child process ended with ${code ?? signal}`));
    });
  });
}
