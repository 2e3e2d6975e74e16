// Builders of specs and records for tests: every field has a sensible value, a test names those that matter to it.
import type { ClusterRecord } from '../../control-plane/model/cluster-record.ts';
import { type ClusterSpec, instanceNames } from '../../control-plane/model/cluster-spec.ts';
import type { Placement } from '../../control-plane/model/instance.ts';
import { parseLsn } from '../../control-plane/model/lsn.ts';
import { NO_OPERATIONS } from '../../control-plane/model/operations.ts';

export function buildSpec(change: Partial<ClusterSpec> = {}): ClusterSpec {
  return {
    name: 'orders',
    instances: 3,
    postgres: { parameters: { work_mem: '8MB' }, auth: 'trust' },
    durability: { mode: 'strict', quorum: 1 },
    routes: {
      rw: { port: 6432 },
      ro: { port: 6433, maxLagBytes: 16 * 1024 * 1024, fallback: 'primary' },
      any: { port: 6434 },
    },
    failover: { automatic: true, suspectAfterMs: 1000, restAfterSilenceMs: 60_000, leaseMs: 5000 },
    tags: {},
    ...change,
  };
}

export function buildPlacement(index: number): Placement {
  const first = 7000 + index * 10;
  return {
    host: '127.0.0.1',
    zone: '',
    ports: {
      rw: first,
      ro: first + 1,
      any: first + 2,
      mesh: first + 3,
      meshRw: first + 4,
      replication: first + 5,
      health: first + 6,
    },
    socketDir: `/run/howdah/${index}`,
  };
}

/** An active cluster whose first instance leads epoch 1, the others voting. */
export function buildRecord(change: Partial<ClusterRecord> = {}): ClusterRecord {
  const spec = change.spec ?? buildSpec();
  const [primary = '', ...voters] = instanceNames(spec);
  return {
    spec,
    systemId: '7391827364518273645',
    epoch: 1,
    phase: { kind: 'active', primary, gate: 'open' },
    sync: { voters, k: 1 },
    leaving: [],
    timeline: 2,
    timelineHistory: [{ timeline: 1, endLsn: parseLsn('0/3000148') }],
    placements: Object.fromEntries(instanceNames(spec).map((name, index) => [name, buildPlacement(index)])),
    operations: NO_OPERATIONS,
    history: [{ at: 1_700_000_000_000, epoch: 1, kind: 'active', reason: `${primary} leads: it is the first` }],
    ...change,
  };
}
