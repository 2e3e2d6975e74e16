// From a cluster as stored and observed to what people and programs are told of it. Pure.
import { type ClusterRecord, memberNames, primaryOf } from '../model/cluster-record.ts';
import type { InstanceReport, PostgresState } from '../model/instance.ts';
import { formatLsn, type Lsn, maxLsn } from '../model/lsn.ts';
import { isFenced, type Operations } from '../model/operations.ts';
import { promiseQuorum } from '../model/sync.ts';
import { conditions } from './conditions.ts';
import type { ClusterStatus, InstanceStatus, ProxyStatus } from './contract.ts';
import type { ClusterView, InstanceView, InvalidProxy } from './view.ts';

/** Where the routes are reached on one machine. */
const ROUTE_HOST = '127.0.0.1';

const NEVER_SEEN: InstanceView = { connected: false, lastReportAgoMs: null, report: null };

/** `proxies`, `invalid`: all that are known; the conditions tell of those that belong to the cluster. */
export function clusterStatus(
  view: ClusterView,
  proxies: readonly ProxyStatus[] = [],
  invalid: readonly InvalidProxy[] = [],
): ClusterStatus {
  const { record } = view;
  const { name, routes, durability } = record.spec;
  const primary = primaryOf(record.phase);
  return {
    name,
    epoch: record.epoch,
    phase: record.phase.kind,
    gate: record.phase.kind === 'active' ? record.phase.gate : 'closed',
    primary: primary === '' ? null : primary,
    reason: view.reason,
    size: record.spec.instances,
    durability: durability.mode,
    sync: { voters: [...record.sync.voters], k: record.sync.k, promiseQuorum: promiseQuorum(record.sync) },
    endpoints: {
      rw: `${ROUTE_HOST}:${routes.rw.port}`,
      ro: `${ROUTE_HOST}:${routes.ro.port}`,
      any: `${ROUTE_HOST}:${routes.any.port}`,
    },
    operations: operationsStatus(record.operations),
    instances: instanceStatuses(view, primary),
    conditions: conditions(view, proxies, invalid),
  };
}

function operationsStatus(operations: Operations): ClusterStatus['operations'] {
  const { paused, fenced, restarts, reinits, rolling } = operations;
  return {
    paused,
    fenced: [...fenced],
    restarts: restarts.map((restart) => ({ ...restart })),
    reinits: [...reinits],
    rolling: rolling && { why: rolling.why, done: [...rolling.done] },
  };
}

function instanceStatuses({ record, instances }: ClusterView, primary: string): InstanceStatus[] {
  const leader = instances.get(primary)?.report?.postgres;
  const primaryLsn = leader?.kind === 'primary' ? leader.flushLsn : null;
  return memberNames(record).map((name) => instanceStatus(name, record, instances.get(name) ?? NEVER_SEEN, primaryLsn));
}

function instanceStatus(
  name: string,
  record: ClusterRecord,
  { connected, report }: InstanceView,
  primaryLsn: Lsn | null,
): InstanceStatus {
  const postgres: PostgresState = report?.postgres ?? { kind: 'absent' };
  const lsn = positionOf(postgres);
  const running = postgres.kind === 'primary' || postgres.kind === 'standby';
  return {
    name,
    // What an agent said before it fell silent is no claim to a role: another may lead by now.
    role: connected && running ? postgres.kind : 'none',
    // One that has just connected has not told anything yet.
    state: connected && report ? stateOf(postgres) : 'unreachable',
    connected,
    leaving: record.leaving.includes(name),
    pendingRestart: (report?.settings?.pendingRestart ?? []).map((one) => ({ ...one })),
    timeline: report?.timeline ?? 0,
    lsn: formatLsn(lsn),
    lagBytes: primaryLsn === null || lsn === 0n ? null : lagBytes(primaryLsn, lsn),
    pids: pidsOf(report),
    socket: record.placements[name]?.socketDir ?? '',
    fenced: isFenced(record.operations, name),
    goal: report?.goal ? { ...report.goal } : null,
  };
}

function pidsOf(report: InstanceReport | null): InstanceStatus['pids'] {
  if (!report) return { agent: 0, postgres: 0, envoy: 0 };
  const { agent, postgres, envoy } = report.pids;
  return { agent, postgres, envoy };
}

function stateOf(postgres: PostgresState): InstanceStatus['state'] {
  switch (postgres.kind) {
    case 'primary':
    case 'standby':
      return 'running';
    case 'stopped':
      return postgres.how === 'crashed' ? 'crashed' : 'stopped';
    case 'absent':
    case 'creating':
    case 'starting':
    case 'unresponsive':
      return postgres.kind;
  }
}

/** 0n where PostgreSQL's position is unknown. */
function positionOf(postgres: PostgresState): Lsn {
  switch (postgres.kind) {
    case 'primary':
      return postgres.flushLsn;
    case 'standby':
      // After a restart the received position is only the start of a segment.
      return maxLsn(postgres.receiveLsn, postgres.replayLsn);
    case 'stopped':
      return postgres.checkpointLsn;
    case 'absent':
    case 'creating':
    case 'starting':
    case 'unresponsive':
      return 0n;
  }
}

/** The reports of two instances are of different moments: a standby may seem ahead. */
function lagBytes(primary: Lsn, standby: Lsn): number {
  return primary > standby ? Number(primary - standby) : 0;
}
