/**
 * Crashes of the primary in a row under load: how long no write is acknowledged, and whether a row is missing.
 *   npx node bench/crash/run.ts [--runs 20] [--fault postmaster|instance|switchover] [--json FILE]
 * The gap is the longest time between two acknowledged writes, over all writers, from the fault until the cluster is
 * whole again. Beside it the floor: the same gaps without a fault.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { Workload } from '../../cli/demo/workload.ts';
import type { ClusterStatus } from '../../control-plane/api/contract.ts';
import { systemClock } from '../../control-plane/runtime/clock.ts';
import { endpointOf, LiveClusters, primaryOf } from '../../test/support/live-cluster.ts';
import { until } from '../../test/support/until.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    fault: { type: 'string', default: 'postmaster' },
    json: { type: 'string' },
    instances: { type: 'string', default: '3' },
  },
});
const FAULTS = ['postmaster', 'instance', 'switchover'];
if (!FAULTS.includes(values.fault)) {
  console.error(`--fault ${values.fault}: choose one of ${FAULTS.join(', ')}`);
  process.exit(2);
}
const runs = Number(values.runs);
const live = new LiveClusters({ crash: `{ instances: ${values.instances} }` });
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
  try {
    for (let run = 1; run <= runs; run++) {
      const before = await live.whole('crash');
      const quietFrom = clock.now();
      await until(() => load.writes.countSince(quietFrom) > 300, { what: 'a load of writes', timeoutMs: 60_000 });
      floors.push(load.writes.longestGapMs(quietFrom, clock.now()));
      const at = clock.now();
      await strike(before);
      await live.laterEpoch('crash', before.epoch);
      const after = await live.whole('crash');
      await until(() => load.writes.countSince(at) > 300, { what: 'writes after the fault', timeoutMs: 60_000 });
      const gap = load.writes.longestGapMs(at, clock.now());
      writeGaps.push(gap);
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
  const result = {
    fault: values.fault,
    runs,
    writesOutMs: summary(writeGaps),
    readsOutMs: summary(readGaps),
    withoutFaultMs: summary(floors),
    ...verdict,
  };
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
    case 'instance':
      for (const pid of [agent, postgres, envoy]) process.kill(pid, 'SIGKILL');
      return;
    default:
      await live.up.api().switchover('crash', {});
  }
}

function summary(values: readonly number[]) {
  const sorted = values.map((value) => Math.round(value)).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return { median: at(0.5), p99: at(0.99), min: sorted[0]!, max: sorted.at(-1)! };
}
