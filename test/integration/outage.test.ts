/**
 * The control plane is away, and what dies meanwhile comes back: Envoys with what their agents kept of their
 * configuration, without a word from anybody.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import type { ClusterStatus } from '../../control-plane/api/contract.ts';
import { keptConfig } from '../support/kept-config.ts';
import { connect, LiveClusters, primaryOf } from '../support/live-cluster.ts';
import { isRunning } from '../support/processes.ts';
import { NotYet, until } from '../support/until.ts';

/** An Envoy that was killed serves again within it. */
const BACK_WITHIN_MS = 3000;

const AGENT = join(import.meta.dirname, '../../agent/main.ts');

let live: LiveClusters;
let cluster: ClusterStatus;
/** Agents that the test started in place of those of `up`. */
const agents: ChildProcess[] = [];

beforeAll(async () => {
  live = new LiveClusters({ orders: '{ instances: 3 }' });
  await live.up.ready(90_000);
  cluster = await live.whole('orders');
}, 200_000);

afterEach(() => {
  live.up.process.kill('SIGCONT');
});

afterAll(async () => {
  for (const agent of agents) agent.kill('SIGKILL');
  await live.end();
}, 60_000);

function fileOf(...parts: string[]): string {
  return readFileSync(join(live.up.stateDir, ...parts), 'utf8');
}

const kept = (directory: string, name: string) => keptConfig(join(live.up.stateDir, directory), name);

function envoyOf(directory: string): number {
  return Number(fileOf(directory, 'envoy/envoy.pid'));
}

/** How long until the statement succeeds in a session of its own. */
async function backAfterMs(endpoint: string, statement: string): Promise<number> {
  const since = performance.now();
  await until(
    async () => {
      let session: pg.Client | undefined;
      try {
        session = await connect(endpoint);
        await session.query(statement);
        return true;
      } catch (error) {
        return new NotYet(error);
      } finally {
        await session?.end();
      }
    },
    { what: `${endpoint} to serve`, timeoutMs: 20_000 },
  );
  return performance.now() - since;
}

/** `up`, which would start another one at once, is stopped. */
function killControlPlane(): void {
  live.up.process.kill('SIGSTOP');
  process.kill(live.up.controlPlane().pid, 'SIGKILL');
}

/** Takes PostgreSQL and Envoy with it; another one is started as `up` would. */
async function restartAgent(name: string): Promise<void> {
  const { pids } = cluster.instances.find((instance) => instance.name === name)!;
  process.kill(pids.agent, 'SIGKILL');
  await until(() => ![pids.postgres, pids.envoy].some(isRunning), { what: 'the end of the instance' });
  const config = join(live.up.stateDir, 'clusters/orders', name, 'agent.json');
  agents.push(spawn(process.execPath, [AGENT, '--config', config], { stdio: 'ignore' }));
}

async function local(name: string): Promise<pg.Client> {
  const { socketDir } = JSON.parse(fileOf('clusters/orders', name, 'agent.json')).placement;
  const session = new pg.Client({ host: socketDir, user: 'postgres', database: 'postgres' });
  session.on('error', () => undefined);
  await session.connect();
  return session;
}

async function killEnvoy(directory: string): Promise<void> {
  const pid = envoyOf(directory);
  process.kill(pid, 'SIGKILL');
  await until(() => !isRunning(pid), { what: 'the end of Envoy' });
}

describe('while the control plane is away', () => {
  it('Envoys that are killed come back, and no session ends when it is back', async () => {
    onTestFailed(() => console.error(live.up.output));
    const primary = primaryOf(cluster);
    const standby = cluster.instances.find(({ name }) => name !== primary.name)!;
    const [primaryDirectory, standbyDirectory] = [`clusters/orders/${primary.name}`, `clusters/orders/${standby.name}`];
    const setup = await connect(cluster.endpoints.rw);
    await setup.query('create table if not exists t (id int)');
    await setup.end();
    await kept('gateway', `e${cluster.epoch}.rw.orders`);
    await kept(primaryDirectory, `mesh-rw.e${cluster.epoch}`);
    await kept(standbyDirectory, 'ro.orders');

    killControlPlane();
    const insert = 'insert into t values (1)';
    for (const directory of ['gateway', primaryDirectory]) {
      await killEnvoy(directory);
      expect(await backAfterMs(cluster.endpoints.rw, insert), directory).toBeLessThan(BACK_WITHIN_MS);
    }
    await killEnvoy(standbyDirectory);
    const { ports } = JSON.parse(fileOf(standbyDirectory, 'agent.json')).placement;
    const countRows = 'select count(*) from t';
    expect(await backAfterMs(`127.0.0.1:${ports.any}`, countRows)).toBeLessThan(BACK_WITHIN_MS);
    expect(await backAfterMs(`127.0.0.1:${ports.rw}`, insert)).toBeLessThan(BACK_WITHIN_MS);

    const sessions = await Promise.all([connect(cluster.endpoints.rw), connect(`127.0.0.1:${ports.rw}`)]);
    const ended: unknown[] = [];
    for (const session of sessions) session.on('end', () => ended.push('ended'));
    live.up.process.kill('SIGCONT');
    const nodes = ['gateway/local', ...[primary, standby].map(({ name }) => `instance/orders/${name}`)];
    await until(
      async () => {
        const { proxies } = await live.up.api().proxies();
        const synced = proxies.filter(
          ({ types }) => types.length > 0 && types.every(({ state }) => state === 'SYNCED'),
        );
        const missing = nodes.filter((node) => !synced.some((proxy) => proxy.id === node));
        return missing.length === 0 || new NotYet(missing);
      },
      { what: 'all Envoys to be back with the control plane', timeoutMs: 30_000 },
    );
    for (const session of sessions) await session.query(insert);
    expect(ended).toEqual([]);
    expect((await live.whole('orders')).epoch).toBe(cluster.epoch);
    for (const session of sessions) await session.end();
  }, 180_000);

  it('a standby follows again when its agent was killed, and a primary stays down', async () => {
    onTestFailed(() => console.error(live.up.output));
    cluster = await live.whole('orders');
    const primary = primaryOf(cluster);
    const [first, second] = cluster.instances.filter(({ name }) => name !== primary.name).map(({ name }) => name);
    for (const name of [first!, second!]) {
      await until(() => fileOf('clusters/orders', name, 'follow.json') !== '', { what: `${name} to keep its goal` });
    }
    const session = await connect(cluster.endpoints.rw);
    await session.query('create table if not exists t (id int)');
    killControlPlane();
    // One after the other: each commit has a voter at every moment.
    for (const name of [first!, second!]) {
      await restartAgent(name);
      await session.query('insert into t values (2)');
      await until(
        async () => {
          const standby = await local(name);
          try {
            const { rows } = await standby.query('select status from pg_stat_wal_receiver');
            return rows[0]?.status === 'streaming' || new NotYet(rows);
          } finally {
            await standby.end();
          }
        },
        { what: `${name} to stream`, timeoutMs: 15_000 },
      );
    }
    await session.query('insert into t values (3)');
    await session.end();

    await restartAgent(primary.name);
    const health = JSON.parse(fileOf('clusters/orders', primary.name, 'agent.json')).placement.ports.health;
    const sinceMs = performance.now();
    await until(
      async () => {
        const answer = await fetch(`http://127.0.0.1:${health}/ready`).catch((error: unknown) => new NotYet(error));
        if (answer instanceof NotYet) return answer;
        expect(answer.status).toBe(503);
        // Longer than a standby takes to begin by itself.
        return performance.now() - sinceMs > 4_000 || new NotYet('not yet');
      },
      { what: 'the primary to have had its chance', timeoutMs: 15_000 },
    );

    // Theirs must be over before `up` starts its own: a cluster that looks whole with them is not for long.
    const ends = agents.splice(0).map((agent) => {
      const end = once(agent, 'exit');
      agent.kill('SIGTERM');
      return end;
    });
    await Promise.all(ends);
    live.up.process.kill('SIGCONT');
    cluster = await live.whole('orders', 60_000);
    const after = await connect(cluster.endpoints.rw);
    expect((await after.query('select count(*)::int as rows from t where id > 1')).rows).toEqual([{ rows: 3 }]);
    await after.end();
  }, 180_000);
});
