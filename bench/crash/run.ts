/**
 * Crashes of the primary in a row under load: how long no write is acknowledged, and whether a row is missing.
 *   npx node bench/crash/run.ts [--runs 20] [--fault postmaster|instance|frozen|switchover] [--timeline] [--json FILE]
 *     [--trace FILE]
 * The gap is the longest time between two acknowledged writes, over all writers, from the fault until the cluster is
 * whole again. Beside it the floor: the same gaps without a fault. With --timeline also the phases, from the logs; with
 * --trace all lines of all logs from each fault to half a second after it, in order, to read.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Workload } from '../../cli/demo/workload.ts';
import type { ClusterStatus } from '../../control-plane/api/contract.ts';
import { systemClock } from '../../control-plane/runtime/clock.ts';
import { endpointOf, LiveClusters, primaryOf } from '../../test/support/live-cluster.ts';
import { descendants } from '../../test/support/processes.ts';
import { until } from '../../test/support/until.ts';
import { type LogLine, timeline, trace } from './timeline.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    fault: { type: 'string', default: 'postmaster' },
    json: { type: 'string' },
    timeline: { type: 'boolean', default: false },
    trace: { type: 'string' },
    instances: { type: 'string', default: '3' },
  },
});
const FAULTS = ['postmaster', 'instance', 'frozen', 'switchover'];
if (!FAULTS.includes(values.fault)) {
  console.error(`--fault ${values.fault}: choose one of ${FAULTS.join(', ')}`);
  process.exit(2);
}
const FIRST_WRITE = 'first write acknowledged';
const runs = Number(values.runs);
const isLogged = values.timeline || values.trace !== undefined;
const live = new LiveClusters({ crash: `{ instances: ${values.instances} }` }, isLogged ? 'debug' : 'error');
try {
  await live.up.ready();
  process.exitCode = await measure();
} finally {
  await live.end();
}

async function measure(): Promise<number> {
  const clock = systemClock;
  const { endpoints } = await live.whole('crash');
  const load = new Workload({
    rw: endpointOf(endpoints.rw),
    ro: endpointOf(endpoints.ro),
    password: undefined,
    writers: 4,
    readers: 2,
    pauseMs: 2,
    clock,
  });
  await load.start();
  const writeGaps: number[] = [];
  const readGaps: number[] = [];
  const floors: number[] = [];
  const phases = new Map<string, number[]>();
  const traces: string[] = [];
  try {
    for (let run = 1; run <= runs; run++) {
      const before = await live.whole('crash');
      const quietFrom = clock.now();
      await until(() => load.writes.countSince(quietFrom) > 300, { what: 'a load of writes', timeoutMs: 60_000 });
      floors.push(load.writes.longestGapMs(quietFrom, clock.now()));
      const at = clock.now();
      const faultAt = clock.wall();
      await strike(before);
      // Not asked of the control plane, which has other things to do.
      const isBack = () =>
        load.writes.longestGapMs(at, clock.now()) > 50 && load.writes.countSince(clock.now() - 30) > 5;
      await until(isBack, { what: 'writes again', timeoutMs: 60_000 });
      const opened = await live.laterEpoch('crash', before.epoch);
      await thaw(before);
      const after = await live.whole('crash');
      await until(() => load.writes.countSince(at) > 300, { what: 'writes after the fault', timeoutMs: 60_000 });
      const gap = load.writes.longestGapMs(at, clock.now());
      writeGaps.push(gap);
      if (values.timeline) {
        const found = timeline(logLines(), faultAt, opened.epoch);
        const firstWrite = load.writes.longestGap(at, clock.now()).to - at;
        for (const [name, ms] of [...found, [FIRST_WRITE, firstWrite] as const])
          phases.set(name, [...(phases.get(name) ?? []), ms]);
      }
      traces.push(...(values.trace ? [`run ${run}`, ...trace(logLines(), faultAt)] : []));
      readGaps.push(load.reads.longestGapMs(at, clock.now()));
      load.writes.forget(clock.now() - 100);
      load.reads.forget(clock.now() - 100);
      console.log(
        `${String(run).padStart(3)}  ${before.primary} -> ${after.primary}  writes out ${gap.toFixed(0)} ms, reads ${readGaps.at(-1)!.toFixed(0)} ms, whole again after ${(clock.now() - at).toFixed(0)} ms`,
      );
    }
  } finally {
    await load.stop();
  }
  const verdict = await load.verify();
  const phaseMedians = Object.fromEntries([...phases].map(([name, times]) => [name, summary(times).median]));
  let last = 0;
  for (const [name, ms] of Object.entries(phaseMedians)) {
    console.log(`${name.padEnd(32)} ${String(ms).padStart(5)} ms  +${ms - last}`);
    last = ms;
  }
  const result = {
    fault: values.fault,
    runs,
    writesOutMs: summary(writeGaps),
    readsOutMs: summary(readGaps),
    withoutFaultMs: summary(floors),
    ...(values.timeline ? { phaseMedians } : {}),
    ...verdict,
  };
  if (values.trace) await writeFile(values.trace, `${traces.join('\n')}\n`);
  if (values.json) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
  for (const [name, figures] of [
    ['writes out', result.writesOutMs],
    ['reads out', result.readsOutMs],
    ['longest gap without a fault', result.withoutFaultMs],
  ] as const) {
    console.log(
      `${name.padEnd(28)} median ${figures.median} ms, p99 ${figures.p99} ms, min ${figures.min}, max ${figures.max}, ${runs} runs`,
    );
  }
  console.log(
    `median against the gap without a fault: ${(result.writesOutMs.median / result.withoutFaultMs.median).toFixed(1)}x`,
  );
  console.log(
    `acknowledged ${verdict.acknowledged}, lost ${verdict.lost}, duplicates ${verdict.duplicates}, in doubt and there ${verdict.unanswered}`,
  );
  return verdict.lost === 0 && verdict.duplicates === 0 ? 0 : 1;
}

async function strike(cluster: ClusterStatus): Promise<void> {
  const { agent, postgres, envoy } = primaryOf(cluster).pids;
  switch (values.fault) {
    case 'postmaster':
      process.kill(postgres, 'SIGKILL');
      return;
    case 'frozen':
      for (const pid of ofInstance(cluster)) process.kill(pid, 'SIGSTOP');
      return;
    case 'instance':
      for (const pid of [agent, postgres, envoy]) process.kill(pid, 'SIGKILL');
      return;
    default:
      await live.up.api().switchover('crash', {});
  }
}

/** Agent, PostgreSQL with all its processes, Envoy. */
function ofInstance(cluster: ClusterStatus): number[] {
  const { agent } = primaryOf(cluster).pids;
  return [agent, ...descendants(agent).map(({ pid }) => pid)];
}

async function thaw(cluster: ClusterStatus): Promise<void> {
  if (values.fault !== 'frozen') return;
  for (const pid of ofInstance(cluster)) process.kill(pid, 'SIGCONT');
}

function logLines(): LogLine[] {
  const directory = join(live.up.stateDir, 'log');
  return readdirSync(directory).flatMap((name) =>
    readFileSync(join(directory, name), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => ({ ...JSON.parse(line), source: name })),
  );
}

function summary(values: readonly number[]) {
  const sorted = values.map((value) => Math.round(value)).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return { median: at(0.5), p99: at(0.99), min: sorted[0]!, max: sorted.at(-1)! };
}
