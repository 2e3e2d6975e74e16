import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Writable } from 'node:stream';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EnvoyProcess } from '../../agent/envoy/envoy-process.ts';
import { findEnvoy } from '../../control-plane/runtime/binaries/index.ts';
import { systemClock } from '../../control-plane/runtime/clock.ts';
import { freePort } from '../support/free-port.ts';
import { expectNoProcessOf, isRunning } from '../support/processes.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

let directory: TempDir;
let envoy: EnvoyProcess;
let lines: Record<string, unknown>[];

async function makeEnvoy(binary?: string, at = directory.path): Promise<EnvoyProcess> {
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  return new EnvoyProcess({
    directory: path.join(at, 'envoy'),
    binary: binary ?? (await findEnvoy()).path,
    // Nobody listens there: admin answers all the same.
    bootstrap: {
      node: 'gateway/test',
      cluster: 'test',
      zone: '',
      metadata: {},
      controlPlanes: [{ host: '127.0.0.1', port: await freePort() }],
    },
    cachePort: () => 1,
    concurrency: 1,
    runsFirst: false,
    log: pino({ level: 'trace', base: null }, sink),
    clock: systemClock,
    onChange: () => {},
  });
}

async function adminUp(): Promise<boolean> {
  return (await envoy.adminGet('/server_info')).status === 200;
}

beforeEach(async () => {
  directory = tempDir();
  lines = [];
  envoy = await makeEnvoy();
});
afterEach(async () => {
  await envoy.stop();
  await expectNoProcessOf(directory.path);
  directory.remove();
});

describe('EnvoyProcess', () => {
  it('starts Envoy, which answers on its admin socket and logs structured lines', async () => {
    await envoy.start();
    await until(adminUp, { what: 'admin to answer' });
    expect(await envoy.ready()).toBe(false);
    const info = JSON.parse((await envoy.adminGet('/server_info')).body);
    expect(info.node.id).toBe('gateway/test');
    expect(info.command_line_options).toMatchObject({
      concurrency: 1,
      drain_time: '0s',
      drain_strategy: 'Immediate',
      disable_hot_restart: true,
    });
    expect(await readFile(path.join(directory.path, 'envoy/envoy.pid'), 'utf8')).toBe(`${envoy.pid}\n`);
    await until(() => lines.some((line) => line.msg === 'Envoy' && line.logger === 'main'), {
      what: 'a line of Envoy',
    });
    expect(lines.filter((line) => line.msg === 'Envoy' && line.logger === '')).toEqual([]);
  });

  it('stops Envoy in order and can start it again', async () => {
    await envoy.start();
    await until(adminUp, { what: 'admin to answer' });
    const { pid } = envoy;
    await envoy.stop();
    expect(isRunning(pid)).toBe(false);
    expect(envoy.pid).toBe(0);
    expect(lines.at(-1)).toMatchObject({ msg: 'Envoy stopped', code: 0, signal: null });
    await envoy.stop();
    await envoy.start();
    await until(adminUp, { what: 'admin to answer again' });
  });

  it('starts Envoy again when it was killed', async () => {
    await envoy.start();
    await until(adminUp, { what: 'admin to answer' });
    for (let round = 0; round < 3; round++) {
      const { pid } = envoy;
      process.kill(pid, 'SIGKILL');
      await until(() => envoy.pid !== 0 && envoy.pid !== pid, { what: 'another Envoy' });
      await until(adminUp, { what: 'admin to answer' });
    }
    expect(lines.filter((line) => line.component === 'envoy' && 'delayMs' in line).map((line) => line.delayMs)).toEqual(
      [0, 50, 100],
    );
  });

  it('kills an Envoy that does not end', async () => {
    const stubborn = path.join(directory.path, 'stubborn');
    await writeFile(stubborn, '#!/bin/sh\ntrap "" TERM\necho waiting\nwhile :; do sleep 0.1; done\n', { mode: 0o755 });
    envoy = await makeEnvoy(stubborn);
    await envoy.start();
    await until(() => lines.some((line) => line.text === 'waiting'), { what: 'the program to run' });
    await envoy.stop();
    expect(lines.at(-1)).toMatchObject({ msg: 'Envoy stopped', signal: 'SIGKILL' });
  });

  it('stops between two starts of a program that ends at once', async () => {
    envoy = await makeEnvoy('/bin/false');
    await envoy.start();
    await until(() => lines.some((line) => line.delayMs === 100), { what: 'three ends' });
    await envoy.stop();
    expect(envoy.pid).toBe(0);
  });

  it('ends an Envoy that an earlier agent left, and no other process', async () => {
    await envoy.start();
    const bootstrap = path.join(directory.path, 'envoy/bootstrap.json');
    await envoy.stop();
    const binary = (await findEnvoy()).path;
    const leftover = spawn(binary, ['-c', bootstrap, '--disable-hot-restart'], { stdio: 'ignore' });
    try {
      await until(adminUp, { what: 'the leftover to answer' });
      await writeFile(path.join(directory.path, 'envoy/envoy.pid'), String(leftover.pid));
      await envoy.start();
      expect(isRunning(leftover.pid!)).toBe(false);
      await until(adminUp, { what: 'admin to answer' });
    } finally {
      leftover.kill('SIGKILL');
    }
  });

  it('refuses a program that is not there and a path that is too long', async () => {
    await expect((await makeEnvoy('/nowhere/envoy')).start()).rejects.toMatchObject({ code: 'missing-dependency' });
    const deep = path.join(directory.path, 'x'.repeat(100));
    await expect((await makeEnvoy(undefined, deep)).start()).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});
