/** The agent as a process: PostgreSQL, Envoy, health endpoint and stream together, and what is left when it dies. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentConfig } from '../../agent/config.ts';
import { type Goal, goalId } from '../../control-plane/model/goal.ts';
import type { InstanceReport } from '../../control-plane/model/instance.ts';
import { findEnvoy, findPostgres, postgresUser } from '../../control-plane/runtime/binaries/index.ts';
import { AgentServer } from '../support/agent-server.ts';
import { freePorts } from '../support/free-port.ts';
import { descendants, expectNoProcess, expectNoProcessOf } from '../support/processes.ts';
import { tempDir } from '../support/temp-dir.ts';
import { NotYet, until } from '../support/until.ts';

describe('an agent', () => {
  const root = tempDir();
  const directory = path.join(root.path, 'orders-1');
  const file = path.join(root.path, 'agent.json');
  const control = new AgentServer();
  control.renewing = true;
  let config: AgentConfig;
  let agent: ChildProcess | undefined;
  let output = '';

  beforeAll(async () => {
    await control.listen();
    chmodSync(root.path, 0o755);
    mkdirSync(directory);
    const [rw = 0, ro = 0, any = 0, mesh = 0, meshRw = 0, replication = 0, health = 0] = await freePorts(7);
    config = {
      cluster: 'orders',
      instance: 'orders-1',
      directory,
      controlPlane: [`127.0.0.1:${control.port}`],
      placement: {
        host: '127.0.0.1',
        zone: '',
        ports: { rw, ro, any, mesh, meshRw, replication, health },
        socketDir: path.join(directory, 'run'),
      },
      postgres: { binDir: (await findPostgres()).binDir, user: postgresUser()?.name ?? null },
      envoy: { path: (await findEnvoy()).path },
      parameters: {},
      auth: 'trust',
      passwordFile: null,
      logLevel: 'info',
      logFormat: 'json',
    };
    writeFileSync(file, JSON.stringify(config));
  });

  afterAll(async () => {
    agent?.kill('SIGKILL');
    control.stop();
    try {
      await expectNoProcessOf(directory, 5_000);
    } finally {
      root.remove();
    }
  });

  const start = (): void => {
    output = '';
    agent = spawn(process.execPath, ['agent/main.ts', '--config', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    agent.stderr?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  };
  const hello = (count: number) =>
    until(() => control.hellos.length >= count && control.hellos.at(-1), { what: 'the hello', timeoutMs: 15_000 });
  const reported = (what: string, is: (report: InstanceReport) => boolean) => {
    const from = control.reports.length;
    return until(
      () => control.reports.slice(from).find(is) ?? new NotYet([control.reports.at(-1), output.slice(-2000)]),
      {
        what,
        timeoutMs: 30_000,
      },
    );
  };
  const lead = (epoch: number, create: boolean, start = true): Goal => ({
    kind: 'lead',
    epoch,
    sync: { voters: [], k: 0 },
    create,
    start,
    members: ['orders-1'],
  });
  const health = async (question: string) =>
    (await fetch(`http://127.0.0.1:${config.placement.ports.health}${question}`)).status;

  it('brings a primary up when it is told to, and answers Envoys', async () => {
    start();
    const connection = await hello(1);
    expect(await health('/ready')).toBe(503);
    const goal = lead(1, true);
    connection.send({ kind: 'goal', id: goalId(goal), goal, term: 0 });
    const report = await reported('a primary', ({ goal: held }) => held?.status === 'done');
    expect(report).toMatchObject({ instance: 'orders-1', promisedEpoch: 1, postgres: { kind: 'primary' } });
    expect(Object.values(report.pids).every((pid) => pid > 0)).toBe(true);
    // What it recovered counts only once clients are let in.
    expect([await health('/primary?epoch=1'), await health('/ready')]).toEqual([503, 503]);
    const open = lead(1, true, false);
    connection.send({ kind: 'goal', id: goalId(open), goal: open, term: 0 });
    await reported('an open primary', ({ goal: held }) => held?.id === goalId(open) && held.status === 'done');
    expect([await health('/primary?epoch=1'), await health('/ready')]).toEqual([200, 200]);
    expect(await health('/primary?epoch=2')).toBe(503);
    expect(await health('/standby')).toBe(503);
    const line = output.split('\n').find((text) => text.includes('database system is ready to accept connections'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ cluster: 'orders', instance: 'orders-1', severity: 'LOG' });
  });

  it('takes PostgreSQL and Envoy with it when it is killed', async () => {
    const pids = descendants(agent?.pid ?? 0).map(({ pid }) => pid);
    expect(pids.length).toBeGreaterThan(2);
    agent?.kill('SIGKILL');
    await expectNoProcess(pids, 5_000);
  });

  it('goes on where the one before it ended, and stops in order', async () => {
    start();
    const connection = await hello(2);
    const boot = await reported('what it found', () => true);
    expect(boot).toMatchObject({ promisedEpoch: 1, goal: null, postgres: { kind: 'stopped', how: 'boot' } });
    const goal = lead(1, false);
    connection.send({ kind: 'goal', id: goalId(goal), goal, term: 0 });
    await reported('a primary', ({ goal: held }) => held?.status === 'done');
    const exited = once(agent!, 'exit');
    agent?.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(output).toContain('database system is shut down');
    await expectNoProcessOf(directory);
  });

  it('says what is wrong with its configuration, all of it', async () => {
    writeFileSync(file, JSON.stringify({ ...config, auth: 'scram', controlPlane: 'nowhere' }));
    start();
    expect(await once(agent!, 'exit')).toEqual([2, null]);
    await until(() => output.includes('passwordFile') && output.includes('controlPlane.0: must be HOST:PORT'), {
      what: 'both problems',
    });
  });
});
