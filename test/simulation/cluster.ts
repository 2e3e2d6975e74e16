/** The cluster of a run: what is asked for, and where its instances are. */
import type { ClusterSpec } from '../../control-plane/model/cluster-spec.ts';
import type { Placement } from '../../control-plane/model/instance.ts';
import type { Random } from './kernel.ts';

export function specOf(random: Random): ClusterSpec {
  const instances = random.pick([2, 3, 3, 3, 4, 5]);
  const mode = random.pick([...Array<'strict'>(6).fill('strict'), 'available', 'async', 'async'] as const);
  return {
    name: 'sim',
    instances,
    postgres: { parameters: {}, auth: 'trust' },
    durability: { mode, quorum: instances > 3 ? random.pick([1, 2]) : 1 },
    routes: {
      rw: { port: 5001 },
      ro: { port: 5002, maxLagBytes: 16 * 1024 * 1024, fallback: 'primary' },
      any: { port: 5003 },
    },
    failover: {
      automatic: true,
      suspectAfterMs: random.pick([600, 1000]),
      restAfterSilenceMs: random.pick([1000, 60_000]),
      leaseMs: random.pick([1000, 1000, 2000, 5000]),
    },
    tags: {},
  };
}

export function placementOf(instance: string): Placement {
  const base = 10_000 + Number(instance.split('-').at(-1)) * 10;
  return {
    host: '127.0.0.1',
    zone: '',
    socketDir: `/run/${instance}`,
    ports: {
      rw: base,
      ro: base + 1,
      any: base + 2,
      mesh: base + 3,
      meshRw: base + 4,
      replication: base + 5,
      health: base + 6,
    },
  };
}
