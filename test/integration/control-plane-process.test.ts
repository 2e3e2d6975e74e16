// The control plane as a process of its own: start, restart, kill, and what it says when it can't start.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiClient } from '../../control-plane/api/client.ts';
import { ERROR_CODES, type ErrorCode } from '../../control-plane/model/errors.ts';
import { buildSpec } from '../support/build-record.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

const program = fileURLToPath(new URL('../../control-plane/main.ts', import.meta.url));

let directory: TempDir;
let children: ChildProcess[] = [];

beforeEach(() => {
  directory = tempDir();
});
afterEach(async () => {
  await Promise.all(children.map((child) => end(child, 'SIGKILL')));
  children = [];
  directory.remove();
});

function start(...flags: string[]) {
  const args = [program, '--state-dir', directory.path, '--log-level', 'warn', ...flags];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(child);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  return { child, log: () => log };
}

/** Exit code, or the signal's name. */
async function end(child: ChildProcess, signal?: NodeJS.Signals): Promise<number | string> {
  if (signal) child.kill(signal);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  return child.exitCode ?? child.signalCode ?? '';
}

const file = () => join(directory.path, 'control-plane.json');

async function ready(child: ChildProcess) {
  return until(
    () => {
      const content: { pid: number; api: string; xds: string } = JSON.parse(readFileSync(file(), 'utf8'));
      return content.pid === child.pid && content;
    },
    { what: 'control-plane.json', timeoutMs: 20_000 },
  );
}

const connect = (api: string) => new ApiClient({ baseUrl: api, timeoutMs: 10_000 });

/** The process must end by itself, with the code's exit status and one log line, which is given back. */
async function refusal(code: ErrorCode, ...flags: string[]): Promise<string> {
  const { child, log } = start(...flags);
  expect(await end(child)).toBe(ERROR_CODES[code].exit);
  const lines = log().trim().split('\n');
  expect(lines).toHaveLength(1);
  const entry: { code: string; msg: string } = JSON.parse(lines[0] ?? '');
  expect(entry.code).toBe(code);
  return entry.msg;
}

async function listening(): Promise<{ server: Server; address: string }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return { server, address: `127.0.0.1:${address.port}` };
}

describe('the control plane', () => {
  it('says where it is, only to its own user, and takes that back when it stops', async () => {
    const { child } = start();
    const { api, xds, pid } = await ready(child);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    const { controlPlane, clusters } = await connect(api).status();
    expect(controlPlane).toMatchObject({ pid, api, xds });
    expect(clusters).toEqual([]);
    expect(await end(child, 'SIGTERM')).toBe(0);
    expect(existsSync(file())).toBe(false);
  });

  it('stops on SIGINT too, with an API client that keeps its connection', async () => {
    const { child } = start();
    await connect((await ready(child)).api).status();
    expect(await end(child, 'SIGINT')).toBe(0);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('goes on with its clusters after %s', async (signal) => {
    const { child } = start();
    const first = connect((await ready(child)).api);
    const applied = await first.apply(buildSpec());
    expect(applied).toMatchObject({ name: 'orders', epoch: 1, phase: 'forming' });
    await end(child, signal);
    const again = start().child;
    const status = await connect((await ready(again)).api).status();
    expect(status.clusters).toMatchObject([
      { name: 'orders', epoch: 1, phase: 'forming', endpoints: applied.endpoints },
    ]);
  });

  it('refuses a state directory that another one uses', async () => {
    const { child } = start();
    await ready(child);
    const message = await refusal('failed-precondition');
    expect(message).toContain(`pid ${child.pid}`);
    expect(message).toContain(directory.path);
  });

  it('refuses a damaged store', async () => {
    const { child } = start();
    await ready(child);
    await end(child, 'SIGTERM');
    const journal = join(directory.path, 'store', 'journal');
    const bytes = readFileSync(journal);
    bytes[100]! ^= 1;
    writeFileSync(journal, bytes);
    expect(await refusal('corrupted')).toContain(`${journal} is damaged at byte 0`);
    expect(existsSync(file())).toBe(false);
  });

  it.each(['--api', '--xds'])('refuses an address of %s that is taken', async (flag) => {
    const { server, address } = await listening();
    try {
      expect(await refusal('failed-precondition', flag, address)).toContain(address);
    } finally {
      server.close();
    }
    // What had started was stopped: the next one may have the store.
    await ready(start().child);
  });

  it('refuses wrong flags', async () => {
    await refusal('invalid-argument', '--api', 'nowhere', '--log-format', 'xml');
    await refusal('invalid-argument', '--frobnicate');
  });
});
