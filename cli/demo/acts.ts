/** What a demo does to its cluster, and what it proves of it: the acts, each from its fault to its figures. */
import type { ApiClient } from '../../control-plane/api/client.ts';
import type { ClusterStatus, InstanceStatus } from '../../control-plane/api/contract.ts';
import { HowdahError } from '../../control-plane/model/errors.ts';
import type { Clock } from '../../control-plane/runtime/clock.ts';
import { formatDuration } from '../output/units.ts';
import { orAbort } from './abort.ts';
import { DEMO_CLUSTER } from './home.ts';
import type { Journal } from './journal.ts';
import type { ClusterWatch } from './watch.ts';
import type { Verdict, Workload } from './workload.ts';

/** Longer than anything here takes on a machine that works. */
const LIMIT_MS = 60_000;
/** Load before an act, so that what is normal is seen too. */
const QUIET_MS = 1500;
const QUIET_WRITES = 100;
/** Decisions are read this much later than the state that they led to, at most. */
const HISTORY_MS = 300;
/** Load after an act. */
const AFTER_MS = 1000;

export interface Stage {
  readonly api: ApiClient;
  readonly watch: ClusterWatch;
  readonly journal: Journal;
  readonly load: Workload;
  readonly clock: Clock;
  /** Aborted when the user asks to stop. */
  readonly signal: AbortSignal;
}

export interface Outage {
  readonly writesMs: number;
  readonly readsMs: number;
}

/** Every instance runs; every standby streams and its vote counts. */
export function isWhole(cluster: ClusterStatus): boolean {
  const running = cluster.instances.every(({ state, connected }) => connected && state === 'running');
  const voting = cluster.sync.voters.length === cluster.instances.length - 1;
  return cluster.phase === 'active' && cluster.gate === 'open' && running && voting;
}

export async function whole({ watch }: Stage, afterEpoch = 0): Promise<ClusterStatus> {
  const cluster = await watch.until('every instance to stream and vote', LIMIT_MS, (seen) =>
    isWhole(seen) && seen.epoch > afterEpoch ? seen : undefined,
  );
  // The last decision is told before what came of it.
  await watch.linger(HISTORY_MS);
  return cluster;
}

export async function crash(stage: Stage, title: string): Promise<Outage> {
  const { journal, load, clock } = stage;
  const { before, quietGapMs } = await quiet(stage);
  const old = primaryOf(before);
  journal.act(title);
  const struck = clock.now();
  journal.event(
    'kill -9',
    `PostgreSQL of ${old.name} (pid ${old.pids.postgres}), the primary of epoch ${before.epoch}`,
  );
  process.kill(old.pids.postgres, 'SIGKILL');
  const opened = await firstWrite(stage, before.epoch, struck);
  const backAt = await stage.watch.until(`${old.name} to come back`, LIMIT_MS, (cluster) => {
    const now = cluster.instances.find(({ name }) => name === old.name);
    const back = cluster.epoch > before.epoch && now?.role === 'standby' && now.state === 'running';
    return back ? clock.now() : undefined;
  });
  journal.event('back', `${old.name} runs again, as a standby of ${opened.primary}`);
  await whole(stage, before.epoch);
  await stage.watch.linger(AFTER_MS);
  const outage = outageSince(load, struck, clock.now());
  journal.result(
    `writes were out for ${formatDuration(outage.writesMs)}, reads for ${formatDuration(outage.readsMs)} (longest gap between two writes before: ${formatDuration(quietGapMs)})`,
  );
  journal.result(`${old.name} was back as a standby after ${formatDuration(backAt - struck)}`);
  await orAbort(stage.signal, provenNothingLost(stage));
  return outage;
}

export async function switchover(stage: Stage): Promise<Outage> {
  const { journal, load, clock, api, signal } = stage;
  const { before } = await quiet(stage);
  journal.act('A switchover, as for maintenance');
  const asked = clock.now();
  journal.event('asked', `howdah switchover ${DEMO_CLUSTER}: ${before.primary} is to hand over`);
  const done = await orAbort(signal, api.switchover(DEMO_CLUSTER, {}));
  await firstWrite(stage, before.epoch, asked);
  await whole(stage, before.epoch);
  await stage.watch.linger(AFTER_MS);
  const outage = outageSince(load, asked, clock.now());
  journal.result(
    `${done.from} handed over to ${done.to} in ${formatDuration(done.durationMs)}; writes were out for ${formatDuration(outage.writesMs)}, reads for ${formatDuration(outage.readsMs)}`,
  );
  await orAbort(stage.signal, provenNothingLost(stage));
  return outage;
}

/** @throws HowdahError `internal` when an acknowledged row is missing, or a row is there twice. */
export async function provenNothingLost({ load, journal }: Pick<Stage, 'load' | 'journal'>): Promise<Verdict> {
  const verdict = await load.verify();
  const { acknowledged, lost, duplicates } = verdict;
  const count = acknowledged.toLocaleString('en');
  if (lost === 0 && duplicates === 0) {
    journal.result(`${count} rows were acknowledged: none is missing, none is there twice`);
    return verdict;
  }
  const text = `${count} rows were acknowledged: ${lost} are missing, ${duplicates} are there more than once`;
  journal.failure(text);
  throw new HowdahError('internal', text);
}

/** A load without a fault: the cluster as it is, and the longest gap that is normal here. */
async function quiet(stage: Stage): Promise<{ before: ClusterStatus; quietGapMs: number }> {
  const { load, clock, watch } = stage;
  const before = await whole(stage);
  const from = clock.now();
  await watch.linger(QUIET_MS);
  await watch.until('a load of writes', LIMIT_MS, () => load.writes.countSince(from) >= QUIET_WRITES || undefined);
  return { before, quietGapMs: load.writes.longestGapMs(from, clock.now()) };
}

async function firstWrite({ watch, load, clock, journal }: Stage, epoch: number, since: number) {
  const opened = await watch.until('a new primary that takes writes', LIMIT_MS, (cluster) =>
    cluster.epoch > epoch && cluster.phase === 'active' && cluster.gate === 'open' ? cluster : undefined,
  );
  const open = clock.now();
  // Answers that were on their way before the gate opened don't count: the gap's end does.
  await watch.until('a write that is acknowledged', LIMIT_MS, () => load.writes.countSince(open) > 0 || undefined);
  const gap = load.writes.longestGap(since, clock.now());
  const wallAt = clock.wall() - (clock.now() - gap.to);
  journal.event('first write', `acknowledged by ${opened.primary}; none was for ${formatDuration(gap.ms)}`, wallAt);
  return opened;
}

function outageSince({ writes, reads }: Workload, since: number, now: number): Outage {
  return { writesMs: writes.longestGapMs(since, now), readsMs: reads.longestGapMs(since, now) };
}

function primaryOf(cluster: ClusterStatus): InstanceStatus {
  const primary = cluster.instances.find(({ name }) => name === cluster.primary);
  if (primary === undefined || primary.pids.postgres === 0) {
    throw new HowdahError('internal', `${cluster.name} is whole, and has no primary that runs`);
  }
  return primary;
}
