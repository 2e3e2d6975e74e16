/** What is special about single instances: one that may not lead and is ahead, a cascade, a late replay. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, LiveClusters, primaryOf } from '../support/live-cluster.ts';
import { descendants } from '../support/processes.ts';
import { NotYet, until } from '../support/until.ts';

async function query(endpoint: string, text: string): Promise<Record<string, unknown>[]> {
  const client = await connect(endpoint);
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('an instance that may not lead', () => {
  let live: LiveClusters;

  beforeAll(async () => {
    live = new LiveClusters({ orders: '{ instances: 3, tags: { orders-3: { noFailover: true, reads: false } } }' });
    await live.up.ready();
    await live.whole('orders');
  });

  afterAll(() => live.end());

  it('votes, and is refused as the target of a switchover', async () => {
    const cluster = await live.whole('orders');
    expect(cluster.sync.voters).toEqual(['orders-2', 'orders-3']);
    await expect(live.up.api().switchover('orders', { to: 'orders-3' })).rejects.toThrow(
      'its tag noFailover forbids it to lead',
    );
    await expect(live.up.api().explain('orders')).resolves.toMatchObject({ leader: 'orders-2' });
  });

  it('gives what it holds to the one that leads, when it is ahead of it', async () => {
    const before = await live.whole('orders');
    await query(before.endpoints.rw, 'create table filled (id int, filler text)');
    const slow = before.instances.find(({ name }) => name === 'orders-2')!;
    const receiver = (await descendants(slow.pids.postgres)).find(({ command }) => command.includes('walreceiver'))!;
    process.kill(receiver.pid, 'SIGSTOP');
    try {
      // More than the buffers between the two hold, acknowledged by orders-3 alone.
      await query(
        before.endpoints.rw,
        'insert into filled select i, repeat(md5(i::text), 60) from generate_series(1, 40000) as i',
      );
      process.kill(primaryOf(before).pids.postgres, 'SIGKILL');
    } finally {
      process.kill(receiver.pid, 'SIGCONT');
    }
    const after = await live.laterEpoch('orders', before.epoch);
    expect(after.primary).toBe('orders-2');
    const { entries } = await live.up.api().history('orders');
    expect(entries.find(({ kind }) => kind === 'catch-up')?.reason).toContain('orders-3 holds WAL up to');
    const count = 'select count(*)::int as rows from filled';
    // A session that came in just before the route moved is cut, as any other of the old primary.
    const rows = await until(() => query(after.endpoints.rw, count).catch((error: unknown) => new NotYet(error)), {
      what: 'the rows at the new primary',
    });
    expect(rows).toEqual([{ rows: 40_000 }]);
    await live.whole('orders');
  });
});

describe('a cascade and a late replay', () => {
  let live: LiveClusters;
  const TAGS = '{ chain-3: { replicateFrom: chain-2 }, chain-4: { applyDelay: 4s } }';

  beforeAll(async () => {
    live = new LiveClusters({ chain: `{ instances: 4, tags: ${TAGS} }` });
    await live.up.ready();
  });

  afterAll(() => live.end());

  /** Names of those that stream from an instance, by its own socket. */
  async function streamsFrom(instance: string): Promise<string[]> {
    const { instances } = await live.up.cluster('chain');
    const { socket } = instances.find(({ name }) => name === instance)!;
    const client = await connect(`${socket}:5432`);
    try {
      const { rows } = await client.query('select application_name as name from pg_stat_replication order by 1');
      return rows.map(({ name }: { name: string }) => name);
    } finally {
      await client.end();
    }
  }

  function streams(from: string, names: readonly string[]): Promise<unknown> {
    return until(
      async () => {
        const found = await streamsFrom(from).catch((error) => [String(error)]);
        return names.join() === found.join() ? true : new NotYet(found);
      },
      { what: `${names.join(', ')} to stream from ${from}`, timeoutMs: 60_000 },
    );
  }

  it('streams from its source, does not vote, and goes over to the primary while the source is gone', async () => {
    await streams('chain-2', ['chain-3']);
    await streams('chain-1', ['chain-2', 'chain-4']);
    const cluster = await live.up.cluster('chain');
    expect(cluster.sync).toMatchObject({ voters: ['chain-2'], k: 1 });
    const { agent } = cluster.instances.find(({ name }) => name === 'chain-2')!.pids;
    process.kill(agent, 'SIGSTOP');
    try {
      await streams('chain-1', ['chain-2', 'chain-3', 'chain-4']);
    } finally {
      process.kill(agent, 'SIGCONT');
    }
    await streams('chain-2', ['chain-3']);
    await streams('chain-1', ['chain-2', 'chain-4']);
  });

  it('replays late, and gets no reads', async () => {
    const { endpoints, instances } = await live.up.cluster('chain');
    await query(endpoints.rw, 'create table late (id int)');
    const { socket } = instances.find(({ name }) => name === 'chain-4')!;
    const look = async () => {
      const [row] = await query(`${socket}:5432`, "select to_regclass('late') is not null as there");
      return row!.there;
    };
    expect(await look()).toBe(false);
    await until(async () => (await look()) === true || new NotYet('not yet'), {
      what: 'the late replay',
      timeoutMs: 20_000,
    });
  });

  it('goes on after a switchover', async () => {
    await until(async () => (await live.up.cluster('chain')).gate === 'open', { what: 'an open gate' });
    await live.up.api().switchover('chain', { to: 'chain-2' });
    await streams('chain-2', ['chain-1', 'chain-3', 'chain-4']);
    // On a busy machine the one voter may be slow to promise, and the old primary goes on.
    await until(
      async () => {
        const moved = await live.up
          .api()
          .switchover('chain', { to: 'chain-1' })
          .catch((error) => String(error));
        return typeof moved === 'string' ? new NotYet(moved) : true;
      },
      { what: 'a switchover back', timeoutMs: 60_000 },
    );
    await streams('chain-2', ['chain-3']);
  });
});
