import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { freePorts } from './free-port.ts';
import { descendants, expectNoProcess, expectNoProcessOf, isRunning, processInfo } from './processes.ts';
import { tempDir } from './temp-dir.ts';
import { NotYet, until } from './until.ts';

describe('tempDir', () => {
  it('is gone with all in it when the block is left', () => {
    let path: string;
    {
      using dir = tempDir();
      path = dir.path;
      writeFileSync(`${path}/file`, 'x');
    }
    expect(existsSync(path)).toBe(false);
  });
});

describe('freePorts', () => {
  it('gives different ports that nobody listens on', async () => {
    const ports = await freePorts(20);
    expect(new Set(ports).size).toBe(20);
    const [error] = await once(connect(ports[0]!, '127.0.0.1'), 'error').catch((thrown: unknown) => [thrown]);
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('until', () => {
  it('gives back the first true value', async () => {
    let calls = 0;
    expect(await until(() => (++calls === 3 ? 'three' : ''), { what: 'three calls', intervalMs: 1 })).toBe('three');
  });

  it.each([
    ['a value', () => 0, 'last seen: 0'],
    ['what NotYet tells', () => new NotYet({ lag: 7 }), 'last seen: { lag: 7 }'],
    [
      'an error',
      () => {
        throw new Error('no socket');
      },
      'last seen: an error: Error: no socket',
    ],
    ['a condition that hangs', () => new Promise(() => {}), 'the condition never came to an end'],
  ])('says what was last seen: %s', async (_, condition, message) => {
    const waiting = until(condition as () => unknown, { what: 'the impossible', timeoutMs: 30, intervalMs: 5 });
    await expect(waiting).rejects.toThrow('waited 30 ms for the impossible; ');
    await expect(waiting).rejects.toThrow(message);
  });
});

describe('processes', () => {
  it('finds a child and sees its end', async () => {
    using dir = tempDir();
    const child = spawn('sh', ['-c', `cat; : ${dir.path}`], { stdio: ['pipe', 'ignore', 'ignore'] });
    const pid = child.pid!;
    try {
      expect(processInfo(pid)).toMatchObject({ pid, parent: process.pid });
      await until(() => descendants(process.pid).some((info) => info.pid === pid), { what: 'the child' });
      await expect(expectNoProcess([pid], 30)).rejects.toThrow(`${pid} `);
      await expect(expectNoProcessOf(dir.path, 30)).rejects.toThrow(dir.path);
      child.stdin.end();
      await expectNoProcess([pid]);
      await expectNoProcessOf(dir.path);
      expect(isRunning(pid)).toBe(false);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
