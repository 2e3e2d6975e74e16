/** Instances that join and leave a living cluster under load: real PostgreSQL, real Envoys, `howdah up` and `howdah scale`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workload } from '../../cli/demo/workload.ts';
import type { ClusterStatus } from '../../control-plane/api/contract.ts';
import { systemClock } from '../../control-plane/runtime/clock.ts';
import { howdah } from '../support/howdah-command.ts';
import { connect, endpointOf, LiveClusters } from '../support/live-cluster.ts';
import { NotYet, until } from '../support/until.ts';

describe('a living cluster of three', () => {
  let live: LiveClusters;

  beforeAll(async () => {
    live = new LiveClusters({ orders: '{ instances: 3 }' });
    await live.up.ready();
    await live.whole('orders');
  });

  afterAll(() => live.end());

  const scale = (...args: string[]) => howdah(live.up.stateDir, 'scale', ...args);

  const names = ({ instances }: ClusterStatus) => instances.map(({ name }) => name);

  /** Replication slots on the primary. */
  async function slots(cluster: ClusterStatus): Promise<string[]> {
    const client = await connect(cluster.endpoints.rw);
    try {
      const { rows } = await client.query('select slot_name from pg_replication_slots order by 1');
      return rows.map(({ slot_name: name }: { slot_name: string }) => name);
    } finally {
      await client.end();
    }
  }

  it('goes to five, to two, and to three again, and no acknowledged row is lost', async () => {
    const before = await live.whole('orders');
    const load = new Workload({
      rw: endpointOf(before.endpoints.rw),
      ro: endpointOf(before.endpoints.ro),
      password: undefined,
      writers: 2,
      readers: 1,
      pauseMs: 10,
      clock: systemClock,
    });
    await load.start();
    try {
      await until(() => load.writes.total > 20, { what: 'a load of writes', timeoutMs: 30_000 });
      const grown = await scale('orders', '5');
      expect(grown, grown.stderr).toMatchObject({ code: 0 });
      expect(grown.stdout).toContain('orders: 5 instances (before: 3): orders-4, orders-5 joined');
      const five = await live.whole('orders');
      expect(names(five)).toEqual(['orders-1', 'orders-2', 'orders-3', 'orders-4', 'orders-5']);
      expect(five.epoch).toBe(before.epoch);

      // The primary is one of those that go.
      await live.up.api().switchover('orders', { to: 'orders-4' });
      // Those that stay must stream again, or it is refused.
      await live.whole('orders');
      const shrunk = await scale('orders', '2');
      expect(shrunk, shrunk.stderr).toMatchObject({ code: 0 });
      const two = await live.whole('orders');
      expect(names(two)).toEqual(['orders-1', 'orders-2']);
      expect(two.epoch).toBe(five.epoch + 2);
      expect(two.sync).toMatchObject({ k: 1, voters: [expect.stringMatching(/^orders-[12]$/)] });
      const kept = await until(
        async () => {
          const found = await slots(two);
          return found.length === 1 ? found : new NotYet(found);
        },
        { what: 'the slots of those that left to be dropped', timeoutMs: 30_000 },
      );
      expect(kept).toEqual([expect.stringMatching(/^orders_[12]_e/)]);
      for (const instance of ['orders-3', 'orders-4', 'orders-5']) {
        const directory = join(live.up.stateDir, 'clusters', 'orders', instance);
        expect(readdirSync(directory)).toContain('data.kept-1');
        expect(readdirSync(directory)).not.toContain('data');
      }
      await until(() => !readFileSync(join(live.up.stateDir, 'placements.json'), 'utf8').includes('orders-5'), {
        what: 'the places of those that left to be forgotten',
        timeoutMs: 30_000,
      });

      const again = await scale('orders', '3');
      expect(again, again.stderr).toMatchObject({ code: 0 });
      expect(names(await live.whole('orders'))).toEqual(['orders-1', 'orders-2', 'orders-3']);
      const total = load.writes.total;
      await until(() => load.writes.total > total + 20, { what: 'writes afterwards', timeoutMs: 30_000 });
    } finally {
      await load.stop();
    }
    expect(await load.verify()).toMatchObject({ lost: 0, duplicates: 0 });
  });

  it('refuses what commits could not wait for, and says why', async () => {
    await live.whole('orders');
    const none = await scale('orders', '1');
    expect(none.code).toBe(2);
    expect(none.stderr).toContain('durability.quorum: must be less than instances (1)');
    expect((await scale('orders', '10')).stderr).toContain('Write a whole number from 1 to 9.');
    const dry = await scale('orders', '4', '--dry-run');
    expect(dry).toMatchObject({ code: 0 });
    expect(dry.stdout).toContain('orders can go from 3 to 4 instances: orders-4 joins; nothing was changed');
    expect(names(await live.up.cluster('orders'))).toHaveLength(3);
  });
});
