import { execFile } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterStatus } from '../../control-plane/api/contract.ts';
import { howdah } from '../support/howdah-command.ts';
import { HowdahUp } from '../support/howdah-up.ts';
import { expectNoProcessOf } from '../support/processes.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';
import { NotYet, until } from '../support/until.ts';

const run = promisify(execFile);

let directory: TempDir;
let stateDir: string;
let file: string;
let up: HowdahUp | undefined;

/** Open to the account that PostgreSQL runs as under root, as a mkdtemp directory is not. */
function makeDirectory(): void {
  directory = tempDir();
  chmodSync(directory.path, 0o755);
  stateDir = join(directory.path, 'state');
}

function clusterFile(name: string, instances: number, auth = 'trust'): string {
  const path = join(directory.path, `${name}.yaml`);
  const lines = [
    'apiVersion: howdah.dev/v1alpha1',
    'kind: PostgresCluster',
    `metadata: { name: ${name} }`,
    `spec: { instances: ${instances}, postgres: { auth: ${auth} } }`,
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

async function query(endpoint: string, text: string): Promise<unknown[]> {
  const [host, port] = endpoint.split(':');
  const client = new pg.Client({ host: host!, port: Number(port), user: 'postgres', database: 'postgres' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query({ text, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
}

async function settled(running: HowdahUp, instances = 3): Promise<ClusterStatus> {
  return until(
    async () => {
      const cluster = await running.cluster('orders');
      const streaming = cluster.instances.filter((one) => one.state === 'running' && one.role !== 'none');
      const ready = cluster.gate === 'open' && streaming.length === instances && cluster.sync.voters.length === 2;
      return ready ? cluster : new NotYet(cluster);
    },
    { what: 'a settled cluster', timeoutMs: 30_000 },
  );
}

/** A difference is told with the decisions that led to it. */
async function expectEpoch(running: HowdahUp, epoch: number): Promise<ClusterStatus> {
  const cluster = await settled(running);
  const { entries } = await running.api().history('orders');
  expect(cluster.epoch, entries.map((entry) => `${entry.epoch} ${entry.kind}: ${entry.reason}`).join('\n')).toBe(epoch);
  return cluster;
}

const ask = (command: string, ...args: string[]) => howdah(stateDir, command, ...args);

describe('howdah up with three instances', () => {
  beforeAll(async () => {
    makeDirectory();
    file = clusterFile('orders', 3);
    up = await new HowdahUp(stateDir, [file]).ready();
  });

  afterAll(async () => {
    await up?.end('SIGTERM');
    await expectNoProcessOf(directory.path);
    directory.remove();
  });

  it('says that role postgres is trusted, and prints the endpoints', async () => {
    const { endpoints } = await up!.cluster('orders');
    expect(up!.output).toContain('orders: role postgres needs no password on 127.0.0.1 (auth: trust)');
    expect(up!.output).toContain(`psql -h 127.0.0.1 -p ${endpoints.rw.split(':')[1]} -U postgres`);
  });

  it('writes through rw and reads from a standby through ro', async () => {
    const { endpoints } = await settled(up!);
    await query(endpoints.rw, 'create table written (id int primary key)');
    await query(endpoints.rw, 'insert into written values (1)');
    const [standby, rows] = await until(
      async () => {
        const seen = await query(endpoints.ro, 'select pg_is_in_recovery(), (select count(*)::int from written)');
        return seen[1] === 1 ? seen : new NotYet(seen);
      },
      { what: 'the row on a standby' },
    );
    expect([standby, rows]).toEqual([true, 1]);
    await expect(query(endpoints.ro, 'insert into written values (2)')).rejects.toThrow('read-only transaction');
  });

  it('shows itself: status as an object of the API, psql with the exit code of psql', async () => {
    const status = JSON.parse((await ask('status', '-o', 'json')).stdout);
    expect(status.controlPlane).toMatchObject(up!.controlPlane());
    expect(status.clusters[0]).toMatchObject({ name: 'orders', phase: 'active', primary: expect.any(String) });
    expect(Object.keys(status.clusters[0].instances[0].pids)).toEqual(['agent', 'postgres', 'envoy']);
    expect(await ask('psql', 'orders', 'ro', '--', '-Atc', 'select 1')).toMatchObject({ code: 0, stdout: '1\n' });
    expect(await ask('psql', 'orders', '--', '-c', 'select nothing')).toMatchObject({ code: 1 });
    expect(await ask('describe', 'nothing')).toMatchObject({ code: 4 });
  });

  it('refuses a second up on the same directory, by the pid of the first', async () => {
    const second = await ask('up', '-f', file);
    expect(second.code).toBe(6);
    expect(second.stderr).toContain(`\`howdah up\` with pid ${up!.pid} already runs on ${stateDir}`);
  });

  it('starts a killed control plane again, at the same address, and sessions go on', async () => {
    const before = up!.controlPlane();
    const { endpoints, epoch } = await settled(up!);
    process.kill(before.pid, 'SIGKILL');
    await query(endpoints.rw, 'insert into written values (10)');
    await until(() => up!.controlPlane().pid !== before.pid, { what: 'another control plane', timeoutMs: 10_000 });
    expect(up!.controlPlane().api).toBe(before.api);
    await expectEpoch(up!, epoch);
  });

  it('starts a killed agent of a standby again', async () => {
    const { instances, epoch } = await settled(up!);
    const standby = instances.find((instance) => instance.role === 'standby')!;
    process.kill(standby.pids.agent, 'SIGKILL');
    await until(
      async () => {
        const cluster = await up!.cluster('orders');
        const now = cluster.instances.find(({ name }) => name === standby.name)!;
        return (now.connected && now.pids.agent !== standby.pids.agent && now.role === 'standby') || new NotYet(now);
      },
      { what: 'another agent', timeoutMs: 15_000 },
    );
    await expectEpoch(up!, epoch);
  });

  it('leaves nothing after SIGTERM, and goes on with the same epoch, addresses and data', async () => {
    const { epoch, endpoints } = await settled(up!);
    expect(await up!.end('SIGTERM')).toBe(0);
    await expectNoProcessOf(stateDir);
    up = await new HowdahUp(stateDir, [file]).ready();
    const after = await expectEpoch(up, epoch);
    expect(after.endpoints).toEqual(endpoints);
    expect(await query(after.endpoints.rw, 'select count(*)::int from written')).toEqual([2]);
  });

  it('leaves nothing after its own kill -9, and the next one goes on with the same epoch and data', async () => {
    const { epoch, endpoints } = await settled(up!);
    await query(endpoints.rw, 'insert into written values (20)');
    await up!.end('SIGKILL');
    await expectNoProcessOf(stateDir, 20_000);
    up = await new HowdahUp(stateDir, [file]).ready();
    const after = await expectEpoch(up, epoch);
    expect(await query(after.endpoints.rw, 'select count(*)::int from written')).toEqual([3]);
  });

  it('may be started again at once after kill -9: it waits for what is still stopping', async () => {
    const { epoch } = await settled(up!);
    await up!.end('SIGKILL');
    up = await new HowdahUp(stateDir, [file]).ready();
    await expectEpoch(up, epoch);
  });

  it('refuses to drop a cluster or to make one smaller, and tells of both at once', async () => {
    await up!.end('SIGTERM');
    const other = clusterFile('billing', 1);
    const refused = await ask('up', '-f', other);
    expect(refused.code).toBe(6);
    expect(refused.stderr).toContain(
      `--file: ${stateDir} holds the cluster orders too, last given in ${file}: give its file as well, or use another --state-dir`,
    );
    const smaller = await ask('up', '-f', clusterFile('orders', 2));
    expect(smaller.code).toBe(6);
    expect(smaller.stderr).toContain(
      `${file}:4: spec.instances: orders has 3 instances, and a start takes none away: write 3 or more; to make it smaller use howdah scale orders 2 while it runs`,
    );
  });
});

describe('howdah up with passwords', () => {
  it('prints a psql line that works and never the password', async () => {
    makeDirectory();
    const running = new HowdahUp(stateDir, [clusterFile('orders', 2, 'scram')]);
    try {
      await running.ready();
      const line = /rw .*?(PGPASSFILE=.*)/.exec(running.output)?.[1];
      expect((await run('/bin/sh', ['-c', `${line} -w -Atc 'select 1'`])).stdout).toBe('1\n');
      const { endpoints } = await running.cluster('orders');
      await expect(query(endpoints.rw, 'select 1')).rejects.toThrow('password');
      expect(await ask('psql', 'orders', '--', '-Atc', 'select 1')).toMatchObject({ code: 0, stdout: '1\n' });
      const { stdout: password } = await run('cut', ['-d:', '-f5', join(stateDir, 'clusters/orders/pgpass')]);
      const { stdout: found } = await run('sh', ['-c', `grep -rlF -e "$0" "$1" || true`, password.trim(), stateDir]);
      expect(running.output).not.toContain(password.trim());
      expect(found.trim().split('\n').sort()).toEqual(
        ['passwords.json', 'pgpass'].map((name) => join(stateDir, 'clusters/orders', name)),
      );
    } finally {
      await running.end('SIGTERM');
      await expectNoProcessOf(directory.path);
      directory.remove();
    }
  });
});
