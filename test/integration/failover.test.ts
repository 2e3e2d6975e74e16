/** What clients see while primaries die: through real Envoys, on real PostgreSQL, under load. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workload } from '../../cli/demo/workload.ts';
import { systemClock } from '../../control-plane/runtime/clock.ts';
import { connect, endpointOf, LiveClusters, primaryOf } from '../support/live-cluster.ts';
import { descendants } from '../support/processes.ts';
import { until } from '../support/until.ts';

describe('a cluster of three', () => {
  let live: LiveClusters;

  beforeAll(async () => {
    live = new LiveClusters({ orders: '{ instances: 3 }' });
    await live.up.ready();
    await live.whole('orders');
  });

  afterAll(() => live.end());

  it('reads on ro come from standbys, and a write there fails as PostgreSQL says', async () => {
    const { endpoints } = await live.whole('orders');
    const client = await connect(endpoints.ro);
    try {
      const { rows } = await client.query('select pg_is_in_recovery() as standby');
      expect(rows).toEqual([{ standby: true }]);
      await expect(client.query('create table t (id int)')).rejects.toMatchObject({ code: '25006' });
    } finally {
      await client.end();
    }
  });

  it.each(['postmaster', 'instance', 'postmaster', 'instance'])(
    '%s of the primary killed under load: no row lost, none twice, the old primary is back',
    async (fault) => {
      const before = await live.whole('orders');
      const load = new Workload({
        rw: endpointOf(before.endpoints.rw),
        ro: endpointOf(before.endpoints.ro),
        password: undefined,
        writers: 3,
        readers: 1,
        pauseMs: 2,
        clock: systemClock,
      });
      await load.start();
      const { agent, postgres, envoy } = primaryOf(before).pids;
      try {
        await until(() => load.writes.total > 50, { what: 'a load of writes', timeoutMs: 30_000 });
        for (const pid of fault === 'instance' ? [agent, postgres, envoy] : [postgres]) process.kill(pid, 'SIGKILL');
        const after = await live.laterEpoch('orders', before.epoch);
        expect(after.primary).not.toBe(before.primary);
        const total = load.writes.total;
        await until(() => load.writes.total > total + 50, { what: 'writes at the new primary', timeoutMs: 30_000 });
      } finally {
        await load.stop();
      }
      expect(await load.verify()).toMatchObject({ lost: 0, duplicates: 0 });
      const whole = await live.whole('orders');
      expect(whole.instances.find(({ name }) => name === before.primary)).toMatchObject({
        role: 'standby',
        state: 'running',
      });
    },
  );

  it('a session idle on a frozen primary is closed, and once thawed it is a standby', async () => {
    const before = await live.whole('orders');
    const session = await connect(before.endpoints.rw);
    await session.query('create table frozen (id int)');
    const ended = new Promise((resolve) => session.once('end', resolve));
    const { agent } = primaryOf(before).pids;
    const frozen = [agent, ...(await descendants(agent)).map(({ pid }) => pid)];
    for (const pid of frozen) process.kill(pid, 'SIGSTOP');
    try {
      await live.laterEpoch('orders', before.epoch);
      await ended;
    } finally {
      for (const pid of frozen) process.kill(pid, 'SIGCONT');
    }
    const whole = await live.whole('orders');
    expect(whole.instances.find(({ name }) => name === before.primary)).toMatchObject({ role: 'standby' });
    const client = await connect(whole.endpoints.rw);
    try {
      await client.query('insert into frozen values (1)');
    } finally {
      await client.end();
    }
  });

  it('a switchover moves the primary where it was told to, and says what forbids it', async () => {
    const before = await live.whole('orders');
    const target = before.instances.find(({ role }) => role === 'standby')!.name;
    await expect(live.up.api().switchover('orders', { to: before.primary! })).rejects.toThrow(
      `${before.primary} is the primary already`,
    );
    const result = await live.up.api().switchover('orders', { to: target });
    expect(result).toMatchObject({ from: before.primary, to: target, epoch: before.epoch + 1 });
    expect((await live.whole('orders')).primary).toBe(target);
  });
});

it('five clusters of three in one up work', async () => {
  const names = ['one', 'two', 'three', 'four', 'five'];
  const live = new LiveClusters(Object.fromEntries(names.map((name) => [name, '{ instances: 3 }'])));
  try {
    await live.up.ready(100_000);
    for (const name of names) {
      const { endpoints } = await live.whole(name);
      const client = await connect(endpoints.rw);
      try {
        await client.query('create table mine as select current_setting($1) as cluster', ['cluster_name']);
        const { rows } = await client.query('select cluster from mine');
        expect(rows[0].cluster).toMatch(new RegExp(`^${name}-`));
      } finally {
        await client.end();
      }
    }
  } finally {
    await live.end();
  }
});
