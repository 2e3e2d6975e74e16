import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GatewayConfig } from '../../agent/config.ts';
import { adminGet } from '../../agent/envoy/admin.ts';
import { findEnvoy } from '../../control-plane/runtime/binaries/index.ts';
import { freePort } from '../support/free-port.ts';
import { expectNoProcessOf, isRunning } from '../support/processes.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

const GATEWAY = path.join(import.meta.dirname, '../../agent/gateway.ts');
let directory: TempDir;
const started: ChildProcess[] = [];

beforeEach(() => {
  directory = tempDir();
});
afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  await expectNoProcessOf(directory.path);
  directory.remove();
});

interface Gateway {
  readonly process: ChildProcess;
  readonly output: () => string;
}

async function startGateway(over: Partial<GatewayConfig> = {}): Promise<Gateway> {
  const config: GatewayConfig = {
    name: 'local',
    directory: path.join(directory.path, 'gateway'),
    controlPlane: [`127.0.0.1:${await freePort()}`],
    envoy: { path: (await findEnvoy()).path },
    logLevel: 'info',
    logFormat: 'json',
    ...over,
  };
  await mkdir(config.directory, { recursive: true });
  const file = path.join(directory.path, 'gateway.json');
  await writeFile(file, JSON.stringify(config));
  return run('--config', file);
}

function run(...args: string[]): Gateway {
  const child = spawn(process.execPath, [GATEWAY, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  started.push(child);
  let text = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return { process: child, output: () => text };
}

async function pidOf(file: string): Promise<number> {
  return Number(await readFile(path.join(directory.path, 'gateway', file), 'utf8'));
}

async function envoyAnswers(): Promise<number> {
  const answer = await adminGet(path.join(directory.path, 'gateway/envoy/admin.sock'), '/server_info');
  return JSON.parse(answer.body).node.id === 'gateway/local' ? pidOf('envoy/envoy.pid') : 0;
}

describe('a gateway', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('runs one Envoy until %s', async (signal) => {
    const gateway = await startGateway();
    const envoy = await until(envoyAnswers, { what: 'Envoy', timeoutMs: 15_000 });
    expect(await pidOf('gateway.pid')).toBe(gateway.process.pid);
    gateway.process.kill(signal);
    const [code] = await once(gateway.process, 'exit');
    expect(code).toBe(0);
    expect(isRunning(envoy)).toBe(false);
    expect(existsSync(path.join(directory.path, 'gateway/gateway.pid'))).toBe(false);
    const messages = gateway.output().trim().split('\n');
    expect(messages.map((line) => JSON.parse(line).gateway)).toEqual(messages.map(() => 'local'));
  });

  it('takes its Envoy with it when it is killed, and the next one begins anew', async () => {
    const gateway = await startGateway();
    const envoy = await until(envoyAnswers, { what: 'Envoy', timeoutMs: 15_000 });
    gateway.process.kill('SIGKILL');
    await until(() => !isRunning(envoy), { what: 'the end of Envoy', timeoutMs: 1_000 });
    await startGateway();
    await until(async () => (await envoyAnswers()) !== envoy, { what: 'another Envoy', timeoutMs: 15_000 });
  });

  it.each([
    [[], 2, 'say which gateway: --config FILE'],
    [['--konfig', 'x'], 2, "Unknown option '--konfig'"],
    [['--config', '/nowhere/gateway.json'], 2, '/nowhere/gateway.json'],
  ])('refuses the arguments %j with %i', async (args, code, message) => {
    const gateway = run(...args);
    expect((await once(gateway.process, 'close'))[0]).toBe(code);
    expect(gateway.output()).toContain(message);
  });

  it('says that there is no Envoy', async () => {
    const gateway = await startGateway({ envoy: { path: '/nowhere/envoy' } });
    expect((await once(gateway.process, 'close'))[0]).toBe(10);
    expect(gateway.output()).toContain('/nowhere/envoy is no program that can be run');
  });
});
