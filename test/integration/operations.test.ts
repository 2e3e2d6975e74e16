/** What people ask of a cluster, on real PostgreSQL: what it says, what clients see, and what survives a restart. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemIo } from '../../cli/io.ts';
import { run } from '../../cli/main.ts';
import { colorsFor } from '../../cli/output/colors.ts';
import type { ClusterStatus } from '../../control-plane/api/contract.ts';
import { HowdahError } from '../../control-plane/model/errors.ts';
import { connect, LiveClusters, primaryOf } from '../support/live-cluster.ts';
import { NotYet, until } from '../support/until.ts';

let live: LiveClusters;
beforeAll(async () => {
  live = new LiveClusters({ orders: '{ instances: 3 }' });
  await live.up.ready();
  await live.whole('orders');
});
// A test that failed must not make the next ones fail.
afterEach(async () => {
  for (const instance of (await live.up.cluster('orders')).operations.fenced) await howdah('unfence', instance);
});
afterAll(() => live.end());

/** A command line as a person types it. */
async function howdah(...args: string[]): Promise<{ code: number; text: string }> {
  let text = '';
  const write = (more: string) => {
    text += more;
  };
  const io = { ...systemIo('/'), colors: colorsFor({}, {}), isTerminal: false, out: write, err: write };
  const code = await run([...args, '--state-dir', live.up.stateDir], io);
  return { code, text };
}

async function ok(...args: string[]): Promise<string> {
  const { code, text } = await howdah(...args);
  expect([code, text]).toEqual([0, text]);
  return text;
}

function standbyOf(cluster: ClusterStatus): string {
  return cluster.instances.find(({ name }) => name !== cluster.primary)!.name;
}

/** When PostgreSQL of each instance was started, as it says itself. */
async function startedAt(cluster: ClusterStatus, instance: string): Promise<string> {
  const { socket } = cluster.instances.find(({ name }) => name === instance)!;
  const client = await connectSocket(socket);
  try {
    const { rows } = await client.query('select pg_postmaster_start_time()::text as at');
    return rows[0].at;
  } finally {
    await client.end();
  }
}

async function connectSocket(socket: string) {
  const client = new pg.Client({ host: socket, port: 5432, user: 'postgres', database: 'postgres' });
  await client.connect();
  return client;
}

async function startTimes(cluster: ClusterStatus): Promise<Record<string, string>> {
  const entries = cluster.instances.map(async ({ name }) => [name, await startedAt(cluster, name)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** Goes through rw; false while it is closed. */
async function isWritable(cluster: ClusterStatus): Promise<boolean> {
  try {
    const client = await connect(cluster.endpoints.rw);
    try {
      await client.query('create table if not exists marks (at timestamptz default now())');
      await client.query('insert into marks default values');
      return true;
    } finally {
      await client.end();
    }
  } catch {
    return false;
  }
}

const kindsSince = async (count: number) => {
  const { entries } = await live.up.api().history('orders');
  return entries.slice(count).map(({ kind }) => kind);
};
const historyLength = async () => (await live.up.api().history('orders')).entries.length;

describe('restart', () => {
  it('of a standby restarts that one and nothing else', async () => {
    const before = await live.whole('orders');
    const times = await startTimes(before);
    const standby = standbyOf(before);
    expect(await ok('restart', 'orders', standby)).toContain(`${standby} runs again`);
    const after = await live.whole('orders');
    const changed = Object.entries(await startTimes(after)).filter(([name, at]) => times[name] !== at);
    expect(changed.map(([name]) => name)).toEqual([standby]);
    expect(after.epoch).toBe(before.epoch);
  });

  it('of the primary keeps it the primary, in its epoch, and lets nobody in before its standbys are back', async () => {
    const before = await live.whole('orders');
    const times = await startTimes(before);
    const since = await historyLength();
    await ok('restart', 'orders', before.primary!);
    const after = await live.whole('orders');
    expect([after.primary, after.epoch]).toEqual([before.primary, before.epoch]);
    expect((await startTimes(after))[before.primary!]).not.toBe(times[before.primary!]);
    expect(await kindsSince(since)).toEqual(['restart', 'restart', 'restart', 'restart', 'open']);
    expect(await isWritable(after)).toBe(true);
  });

  it('of all restarts each once, standbys first, with one switchover', async () => {
    const before = await live.whole('orders');
    const times = await startTimes(before);
    expect(await ok('restart', 'orders')).toContain('all instances were restarted');
    const after = await live.whole('orders');
    const now = await startTimes(after);
    expect(Object.keys(now).filter((name) => now[name] === times[name])).toEqual([]);
    expect(after.primary).not.toBe(before.primary);
    expect(after.epoch).toBe(before.epoch + 1);
  });
});

describe('reinit', () => {
  it("sets a standby's data aside, deletes nothing, and copies it anew", async () => {
    const before = await live.whole('orders');
    const standby = standbyOf(before);
    const directory = join(live.up.stateDir, 'clusters/orders', standby);
    const kept = () => readdirSync(directory).filter((name) => name.startsWith('data.kept-'));
    expect(kept()).toEqual([]);
    await ok('reinit', standby);
    await live.whole('orders');
    expect(kept()).toEqual(['data.kept-1']);
    expect(readdirSync(join(directory, 'data.kept-1'))).toContain('PG_VERSION');
  });

  it('is refused for the primary', async () => {
    const { primary } = await live.whole('orders');
    const { code, text } = await howdah('reinit', primary!);
    expect(code).toBe(6);
    expect(text).toContain(`${primary} is the primary: only a standby can be copied anew`);
  });
});

describe('fence', () => {
  it('stops an instance and keeps it stopped while the control plane is killed and comes back', async () => {
    const before = await live.whole('orders');
    const standby = standbyOf(before);
    expect(await ok('fence', standby)).toContain(`howdah unfence ${standby}`);
    process.kill(live.up.controlPlane().pid, 'SIGKILL');
    const old = live.up.controlPlane().pid;
    const after = await until(
      async () => {
        const { pid } = live.up.controlPlane();
        const cluster = pid === old ? undefined : await live.up.cluster('orders').catch(() => undefined);
        const back = cluster?.instances.every(({ state }) => state !== 'unreachable') && cluster.gate === 'open';
        // It is stopped before its vote is given up: the control plane may have been killed between the two.
        return cluster && back && !cluster.sync.voters.includes(standby) ? cluster : new NotYet(cluster);
      },
      { what: 'the control plane to be back, and to count on the others only', timeoutMs: 30_000 },
    );
    const fenced = after.instances.find(({ name }) => name === standby)!;
    expect(fenced).toMatchObject({ fenced: true, state: 'stopped', pids: { postgres: 0 } });
    expect(await ok('status')).toContain(`${standby} is kept stopped by hand`);
    expect(await isWritable(after)).toBe(true);

    const last = after.sync.voters[0]!;
    const refused = await howdah('fence', last);
    expect(refused.code).toBe(6);
    expect(refused.text).toContain(`without ${last} writes wait`);

    await ok('unfence', standby);
    await live.whole('orders');
  });

  it('of the primary makes another one lead first', async () => {
    const before = await live.whole('orders');
    await ok('fence', before.primary!);
    const after = await live.up.cluster('orders');
    expect(after.primary).not.toBe(before.primary);
    expect(await isWritable(after)).toBe(true);
    await ok('unfence', before.primary!);
    await live.whole('orders');
  });
});

describe('pause', () => {
  it('keeps a dead primary the primary: it is started again in its place; resume is the end of it', async () => {
    const before = await live.whole('orders');
    await ok('pause', 'orders');
    expect((await live.up.cluster('orders')).operations.paused).toBe(true);
    expect(await ok('explain', 'orders')).toContain('howdah resume orders');
    process.kill(primaryOf(before).pids.postgres, 'SIGKILL');
    const after = await until(
      async () => {
        const cluster = await live.whole('orders');
        return primaryOf(cluster).pids.postgres === primaryOf(before).pids.postgres ? new NotYet(cluster) : cluster;
      },
      { what: 'PostgreSQL to be started again', timeoutMs: 30_000 },
    );
    expect([after.primary, after.epoch]).toEqual([before.primary, before.epoch]);
    await ok('resume', 'orders');
    expect((await live.up.cluster('orders')).operations.paused).toBe(false);
  });
});

describe('failover by hand', () => {
  it('moves a living primary, and no acknowledged row is lost', async () => {
    const before = await live.whole('orders');
    const client = await connect(before.endpoints.rw);
    await client.query('create table if not exists kept (id int)');
    await client.query('insert into kept values (1)');
    await client.end();
    expect(await ok('failover', 'orders', '--dry-run')).toContain('nothing was changed');
    await ok('failover', 'orders');
    const after = await live.whole('orders');
    expect(after.epoch).toBe(before.epoch + 1);
    expect(after.primary).not.toBe(before.primary);
    const again = await connect(after.endpoints.rw);
    const { rows } = await again.query('select count(*)::int as count from kept');
    await again.end();
    expect(rows).toEqual([{ count: 1 }]);
  });

  it('is refused while nobody else could lead, and nothing happens', async () => {
    const before = await live.whole('orders');
    const [first, second] = before.instances.filter(({ name }) => name !== before.primary);
    await ok('fence', first!.name);
    await ok('fence', second!.name, '--force', '--no-wait');
    const refused = await howdah('failover', 'orders', '--no-wait');
    expect(refused).toMatchObject({ code: 6, text: expect.stringContaining('no other instance can be reached') });
    expect((await live.up.cluster('orders')).epoch).toBe(before.epoch);
    await ok('unfence', first!.name, '--no-wait');
    await ok('unfence', second!.name, '--no-wait');
    await live.whole('orders');
  });
});

describe('what is wrong', () => {
  it('is said: an instance or a cluster that is none', async () => {
    expect(await howdah('fence', 'orders-9')).toMatchObject({ code: 4 });
    expect(await howdah('pause', 'billing')).toMatchObject({ code: 4 });
    const error = await live.up
      .api()
      .restart('orders', { instance: 'orders-9' })
      .catch((thrown) => HowdahError.from(thrown));
    expect(error).toMatchObject({ code: 'failed-precondition' });
  });
});
