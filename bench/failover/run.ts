/**
 * Howdah beside Patroni with etcd and HAProxy: the same faults under the same load, in one run on one machine.
 * options.ts has its flags.
 * The gap is the longest time between two acknowledged writes, over all writers, from the fault until everything is
 * whole again. Patroni and HAProxy are fetched at the first run.
 */
import { writeFile } from 'node:fs/promises';
import { Workload } from '../../cli/demo/workload.ts';
import { systemClock } from '../../control-plane/runtime/clock.ts';
import { figuresOf } from '../../test/support/figures.ts';
import { until } from '../../test/support/until.ts';
import type { Contender, FaultName } from './contender.ts';
import { Howdah } from './howdah.ts';
import { type BenchOptions, benchOptions, USAGE } from './options.ts';
import { Patroni } from './patroni.ts';
import { type Measured, table } from './table.ts';

const options = parse();
/** What was on its way at the fault is answered by then. */
const SETTLED_MS = 500;
const MAKE = { howdah: () => new Howdah(), patroni: () => new Patroni() };
const measured: Measured[] = [];
const abouts: string[] = [];
for (const name of options.contenders) {
  const contender = MAKE[name]();
  const stop = () => void contender.stop().finally(() => process.exit(1));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  abouts.push(`${contender.name}: ${contender.about}`);
  try {
    await contender.start();
    for (const fault of options.faults) measured.push(await measure(contender, fault, options.runs[name]));
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await contender.stop();
  }
}
if (options.json) await writeFile(options.json, `${JSON.stringify({ abouts, measured }, null, 2)}\n`);
console.log(table(measured));
for (const about of abouts) console.log(about);
process.exitCode = measured.some(({ lost }) => lost > 0) ? 1 : 0;

function parse(): BenchOptions {
  try {
    const given = benchOptions(process.argv.slice(2));
    if (!given.help) return given;
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(2);
  }
}

async function measure(contender: Contender, fault: FaultName, runs: number): Promise<Measured> {
  const writes: number[] = [];
  const reads: number[] = [];
  let [acknowledged, lost] = [0, 0];
  for (let run = 1; run <= runs; run++) {
    await contender.whole();
    const load = new Workload({
      ...{ rw: contender.rw, ro: contender.ro, password: undefined, clock: systemClock },
      ...{ writers: 4, readers: 2, pauseMs: 2 },
    });
    await load.start();
    try {
      await until(() => load.writes.total > 300, { what: 'a load of writes', timeoutMs: 60_000 });
      const at = systemClock.now();
      const heal = await contender.strike(fault);
      // Whoever was struck stays away until somebody takes writes again.
      const flowing = () => load.writes.countSince(at + SETTLED_MS) >= 100;
      await until(flowing, { what: 'writes after the fault', timeoutMs: 120_000 });
      await heal();
      await contender.whole();
      writes.push(load.writes.longestGapMs(at, systemClock.now()));
      reads.push(load.reads.longestGapMs(at, systemClock.now()));
    } finally {
      await load.stop();
    }
    const verdict = await load.verify();
    acknowledged += verdict.acknowledged;
    lost += verdict.lost;
    console.log(
      `${contender.name} ${fault} ${run}: writes out ${writes.at(-1)!.toFixed(0)} ms, reads ${reads.at(-1)!.toFixed(0)} ms, lost ${verdict.lost}`,
    );
  }
  return {
    contender: contender.name,
    fault,
    runs,
    writesOutMs: figuresOf(writes),
    readsOutMs: figuresOf(reads),
    acknowledged,
    lost,
  };
}
