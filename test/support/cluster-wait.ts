/** What tests wait for in the status of a cluster. */
import type { ClusterStatus } from '../../control-plane/api/contract.ts';
import { NotYet, until } from './until.ts';

/** Every instance runs, streams and, where commits wait for standbys, votes. */
export function wholeCluster(look: () => Promise<ClusterStatus>, timeoutMs = 90_000): Promise<ClusterStatus> {
  return until(
    async () => {
      const cluster = await look();
      const running = cluster.instances.every(({ state, connected }) => connected && state === 'running');
      const voters = cluster.durability === 'async' || cluster.sync.voters.length === cluster.instances.length - 1;
      const open = cluster.phase === 'active' && cluster.gate === 'open';
      if (open && running && voters) return cluster;
      const instances = cluster.instances.map(({ name, state, goal }) => `${name} ${state}: ${goal?.detail ?? ''}`);
      return new NotYet(`${cluster.reason}; ${instances.join('; ')}`);
    },
    { what: 'a cluster to be whole', timeoutMs },
  );
}

/** The cluster in a later epoch, with its rw route open. */
export function laterEpoch(
  look: () => Promise<ClusterStatus>,
  epoch: number,
  timeoutMs = 60_000,
): Promise<ClusterStatus> {
  return until(
    async () => {
      const cluster = await look();
      return cluster.epoch > epoch && cluster.gate === 'open' ? cluster : new NotYet(cluster);
    },
    { what: `a cluster to have a primary after epoch ${epoch}`, timeoutMs },
  );
}
