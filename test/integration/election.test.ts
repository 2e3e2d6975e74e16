// Several control planes as processes over one real etcd: one leads, the next takes over, nobody acts without the store.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiClient } from '../../control-plane/api/client.ts';
import { buildSpec } from '../support/build-record.ts';
import { captureRejection } from '../support/capture-error.ts';
import { EtcdServer } from '../support/etcd-server.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';
import { NotYet, until } from '../support/until.ts';

const PROGRAM = fileURLToPath(new URL('../../control-plane/main.ts', import.meta.url));

class ControlPlane {
  readonly name: string;
  readonly process: ChildProcess;
  log = '';

  constructor(name: string) {
    this.name = name;
    const flags = ['--state-dir', directory.path, '--name', name, '--store', `etcd=${etcd.url}`, '--log-level', 'info'];
    this.process = spawn(process.execPath, [PROGRAM, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout!, this.process.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.log += text;
      });
    }
    running.push(this);
  }

  async ready(): Promise<this> {
    await until(() => this.#file().pid === this.process.pid, { what: `${this.name} (${this.log})`, timeoutMs: 20_000 });
    return this;
  }

  get api(): ApiClient {
    return new ApiClient({ baseUrl: this.#file().api, timeoutMs: 3_000 });
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.kill('SIGCONT');
    this.process.kill(signal);
    await ended;
  }

  #file(): { readonly pid: number; readonly api: string } {
    return JSON.parse(readFileSync(join(directory.path, `${this.name}.json`), 'utf8'));
  }
}

let directory: TempDir;
let etcd: EtcdServer;
let running: ControlPlane[] = [];

beforeEach(async () => {
  directory = tempDir();
  etcd = await EtcdServer.start(directory.path);
});
afterEach(async () => {
  await Promise.all(running.map((each) => each.end('SIGKILL')));
  running = [];
  await etcd.stop('SIGKILL');
  directory.remove();
});

const start = (name: string) => new ControlPlane(name).ready();

function leads(one: ControlPlane, timeoutMs = 10_000): Promise<unknown> {
  const look = async () => {
    const { leader } = await one.api.controlPlanes();
    return leader === one.name || new NotYet(leader);
  };
  return until(look, { what: `${one.name} to lead`, timeoutMs });
}

async function firstAndSecond(): Promise<[ControlPlane, ControlPlane]> {
  const first = await start('a');
  await leads(first, 10_000);
  const second = await start('b');
  const known = async () => {
    const { leader, controlPlanes } = await second.api.controlPlanes();
    return (leader === 'a' && controlPlanes.length === 2) || new NotYet(controlPlanes);
  };
  await until(known, { what: 'both to be known', timeoutMs: 10_000 });
  return [first, second];
}

describe('two control planes', () => {
  it('know each other, and one leads', async () => {
    const [first, second] = await firstAndSecond();
    for (const each of [first, second]) {
      expect(await each.api.controlPlanes()).toMatchObject({
        leader: 'a',
        controlPlanes: [
          { name: 'a', leads: true, pid: first.process.pid },
          { name: 'b', leads: false, pid: second.process.pid },
        ],
      });
      expect((await each.api.status()).controlPlane).toMatchObject({ name: each.name, leads: each === first });
    }
  });

  it('pass changes on to the one that leads, and both show them', async () => {
    const [first, second] = await firstAndSecond();
    expect(await second.api.apply(buildSpec())).toMatchObject({ name: 'orders', phase: 'forming' });
    expect((await first.api.cluster('orders')).epoch).toBe(1);
    await until(() => second.api.cluster('orders'), { what: 'the follower to know the cluster' });
    expect(await captureRejection(second.api.switchover('orders', {}))).toMatchObject({ code: 'failed-precondition' });
  });

  it.each(['SIGKILL', 'SIGSTOP', 'SIGTERM'] as const)('replace a leader after %s', async (signal) => {
    const [first, second] = await firstAndSecond();
    await second.api.apply(buildSpec());
    const at = performance.now();
    first.process.kill(signal);
    await leads(second);
    const took = performance.now() - at;
    expect(took).toBeLessThan(signal === 'SIGTERM' ? 2_000 : 5_000);
    await until(() => second.api.apply({ ...buildSpec(), instances: 4 }), { what: 'a change' });
    if (signal !== 'SIGSTOP') return;
    first.process.kill('SIGCONT');
    await until(async () => !(await first.api.status()).controlPlane.leads, { what: 'the thawed one to give up' });
    await until(async () => (await first.api.controlPlanes()).leader === 'b', { what: 'the new leader to be known' });
    await until(async () => (await first.api.cluster('orders')).instances.length === 4, { what: 'the change' });
  });

  it('are led again by one that was killed and started anew, without waiting for its lease', async () => {
    const [first] = await firstAndSecond();
    await first.end('SIGKILL');
    const again = await start('a');
    await until(async () => (await again.api.controlPlanes()).leader !== null, { what: 'a leader' });
    expect(again.log).not.toContain('"level":60');
  });

  it('refuse to be two of one name', async () => {
    const [first] = await firstAndSecond();
    const twin = new ControlPlane('a');
    const [code] = await once(twin.process, 'exit');
    expect(code).toBe(6);
    expect(twin.log).toContain(`the process with pid ${first.process.pid} is the control plane a of ${directory.path}`);
  });
});

describe('without the store', () => {
  it('nobody leads, what is known is shown, changes are refused; all goes on when it is back', async () => {
    const [first, second] = await firstAndSecond();
    await first.api.apply(buildSpec());
    await until(() => second.api.cluster('orders'), { what: 'the follower to know the cluster' });
    await etcd.stop('SIGKILL');
    const nobody = async () => !(await first.api.status()).controlPlane.leads;
    await until(nobody, { what: 'the leader to give up', timeoutMs: 8_000 });
    for (const each of [first, second]) {
      expect((await each.api.cluster('orders')).epoch).toBe(1);
      const error = await captureRejection(each.api.apply({ ...buildSpec(), instances: 4 }));
      expect(error.code).toBe('unavailable');
      expect(error.message).toContain('no control plane leads at present');
      const unanswered = await captureRejection(each.api.controlPlanes());
      expect(unanswered.message).toContain(`etcd at ${etcd.url} does not answer`);
    }
    expect(first.log).toContain('the store can not be asked who leads');
    await etcd.start();
    await until(async () => (await first.api.controlPlanes()).leader !== null, { what: 'a leader', timeoutMs: 8_000 });
    await until(() => second.api.apply({ ...buildSpec(), instances: 4 }), { what: 'a change' });
  });

  it('one that starts waits for it, says so, and serves nobody', async () => {
    await etcd.stop('SIGKILL');
    const waiting = new ControlPlane('a');
    await until(() => waiting.log.includes('waiting for the store: nothing is served without it'), {
      what: 'the word that it waits',
      timeoutMs: 10_000,
    });
    await etcd.start();
    await waiting.ready();
    await leads(waiting);
  });
});
