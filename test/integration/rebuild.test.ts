/** The store is lost while a cluster runs: traffic goes on, and the record is made anew from what the agents report. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Workload } from '../../cli/demo/workload.ts';
import { systemClock } from '../../control-plane/runtime/clock.ts';
import { howdah } from '../support/howdah-command.ts';
import { endpointOf, LiveClusters } from '../support/live-cluster.ts';
import { NotYet, until } from '../support/until.ts';

it('a lost store: writes go on, and a rebuild takes the cluster over without a lost row', async () => {
  const live = new LiveClusters({ orders: '{ instances: 3 }' });
  try {
    await live.up.ready();
    const before = await live.whole('orders');
    const { stateDir } = live.up;
    const file = join(stateDir, '..', 'clusters.yaml');
    const load = new Workload({
      ...{ rw: endpointOf(before.endpoints.rw), ro: endpointOf(before.endpoints.ro), password: undefined },
      ...{ writers: 2, readers: 1, pauseMs: 10, clock: systemClock },
    });
    await load.start();
    try {
      await until(() => load.writes.total > 20, { what: 'a load of writes', timeoutMs: 30_000 });
      const { pid } = live.up.controlPlane();
      rmSync(join(stateDir, 'store'), { recursive: true });
      process.kill(pid, 'SIGKILL');
      await until(
        async () => {
          const status = await live.up.api().status().catch(String);
          const all = typeof status !== 'string' && status.strangers[0]?.instances.length === 3;
          return all && live.up.controlPlane().pid !== pid ? true : new NotYet(status);
        },
        { what: 'the agents of a cluster that nobody knows', timeoutMs: 60_000 },
      );
      expect((await live.up.api().status()).clusters).toEqual([]);
      const { stdout } = await howdah(stateDir, 'status');
      expect(stdout).toContain('howdah rebuild -f FILE');
      const total = load.writes.total;
      await until(() => load.writes.total > total + 50, { what: 'writes without a record', timeoutMs: 30_000 });
      const rebuild = (...more: string[]) => howdah(stateDir, 'rebuild', '-f', file, ...more);
      expect((await rebuild('--dry-run')).stdout).toContain('orders can be rebuilt; nothing was changed: epoch 2');
      expect((await rebuild()).stdout).toContain(
        `orders is rebuilt: epoch 2, ${before.primary} goes on as the primary`,
      );
      const after = await live.whole('orders');
      expect(after).toMatchObject({ primary: before.primary, epoch: 2, endpoints: before.endpoints });
      expect((await rebuild()).stderr).toContain('there is nothing to rebuild');
      const then = load.writes.total;
      await until(() => load.writes.total > then + 20, { what: 'writes afterwards', timeoutMs: 30_000 });
    } finally {
      await load.stop();
    }
    expect(await load.verify()).toMatchObject({ lost: 0, duplicates: 0 });
    // It is a whole record: a switchover works by it.
    await live.up.api().switchover('orders', {});
    await live.whole('orders');
  } finally {
    await live.end();
  }
});
