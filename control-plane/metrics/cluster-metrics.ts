// The clusters and their failovers, in numbers. docs/metrics.md explains each.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ClusterStatus } from '../api/contract.ts';
import type { ClusterState } from '../manager/state.ts';
import type { Clock } from '../runtime/clock.ts';
import { FailoverTimer } from './failover-timer.ts';

const FAILOVER_BUCKETS_SECONDS = [0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30, 60];
const FAILOVER_PHASE_BUCKETS_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];
const PHASES = ['forming', 'active', 'draining', 'stopping', 'fencing', 'promoting'] as const;
const ROLES = ['primary', 'standby', 'none'] as const;

export interface ClusterMetrics {
  /** After each step of a cluster. */
  onState(state: ClusterState): void;
}

/** @param clusters read at each scrape */
export function createClusterMetrics(
  register: Registry,
  clock: Pick<Clock, 'now'>,
  clusters: () => readonly ClusterStatus[],
): ClusterMetrics {
  const registers = [register];
  const gauge = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    values: (cluster: ClusterStatus) => readonly (readonly [labels: Record<Label, string>, value: number])[],
  ) =>
    new Gauge({
      name: `howdah_${name}`,
      help,
      registers,
      labelNames,
      collect() {
        // What is no more is not to be told for ever.
        this.reset();
        for (const cluster of clusters()) {
          for (const [labels, value] of values(cluster)) this.set(labels, value);
        }
      },
    });

  new Gauge({
    name: 'howdah_clusters',
    help: 'Clusters by phase',
    registers,
    labelNames: ['phase'],
    collect() {
      const all = clusters();
      for (const phase of PHASES) this.set({ phase }, all.filter((cluster) => cluster.phase === phase).length);
    },
  });
  gauge('cluster_epoch', 'Epoch: rises by one with each change of primary', ['cluster'], (cluster) => [
    [{ cluster: cluster.name }, cluster.epoch],
  ]);
  gauge('cluster_writable', '1 while rw leads to a primary', ['cluster'], (cluster) => [
    [{ cluster: cluster.name }, cluster.gate === 'open' ? 1 : 0],
  ]);
  gauge('instances', 'Instances by role', ['cluster', 'role'], ({ name, instances }) =>
    ROLES.map((role) => [{ cluster: name, role }, instances.filter((instance) => instance.role === role).length]),
  );
  gauge('agents_connected', 'Agents with a stream', ['cluster'], ({ name, instances }) => [
    [{ cluster: name }, instances.filter(({ connected }) => connected).length],
  ]);
  gauge('replication_lag_bytes', 'WAL behind the primary', ['cluster', 'instance'], ({ name, instances }) =>
    instances.flatMap(({ name: instance, role, lagBytes }) =>
      role === 'standby' && lagBytes !== null ? [[{ cluster: name, instance }, lagBytes] as const] : [],
    ),
  );

  const failovers = new Counter({
    name: 'howdah_failovers_total',
    help: 'Changes of primary that ended with rw open',
    registers,
    labelNames: ['cluster', 'cause'],
  });
  const duration = new Histogram({
    name: 'howdah_failover_duration_seconds',
    help: 'From the decision that a new primary is needed until rw is open',
    registers,
    labelNames: ['cause'],
    buckets: FAILOVER_BUCKETS_SECONDS,
  });
  const phases = new Histogram({
    name: 'howdah_failover_phase_seconds',
    help: 'Each phase of a change of primary',
    registers,
    labelNames: ['cause', 'phase'],
    buckets: FAILOVER_PHASE_BUCKETS_SECONDS,
  });
  const timer = new FailoverTimer();
  return {
    onState(state) {
      const done = timer.onState(state.record, clock.now());
      if (!done) return;
      failovers.inc({ cluster: state.record.spec.name, cause: done.cause });
      duration.observe({ cause: done.cause }, done.tookMs / 1000);
      for (const { name, tookMs } of state.record.history.at(-1)?.change?.phases ?? []) {
        phases.observe({ cause: done.cause, phase: name }, tookMs / 1000);
      }
    },
  };
}
