import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endLeftover } from '../../agent/process/leftovers.ts';
import { boundToParent, findSetpriv } from '../../agent/process/pdeathsig.ts';
import { readProcess } from '../../agent/process/proc.ts';
import { runCommand } from '../../agent/process/run-command.ts';
import { spawnSupervised } from '../../agent/process/spawn.ts';
import { expectNoProcessOf } from '../support/processes.ts';

const isRoot = userInfo().uid === 0;
const NOBODY = { uid: 65534, gid: 65534 };
const PARENT = path.join(import.meta.dirname, '../fixtures/supervising-parent.ts');

const cleanups: (() => void)[] = [];
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'howdah-process-'));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
});
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { interval: 2, timeout: 10_000 }).toBe(true);
}

function killAfter(pid: number): void {
  cleanups.push(() => {
    if (readProcess(pid)) process.kill(pid, 'SIGKILL');
  });
}

/** A process with one supervised child; answers when the child is running its own program. */
async function parentWith(options: object): Promise<{ parent: ChildProcess; child: number }> {
  const parent = spawn(process.execPath, [PARENT, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanups.push(() => void parent.kill('SIGKILL'));
  let child = 0;
  for await (const line of createInterface({ input: parent.stdout! })) {
    const [word, value] = line.split(' ');
    if (word === 'pid') child = Number(value);
    if (line === 'line ready') break;
  }
  killAfter(child);
  return { parent, child };
}

const READY_THEN_SLEEP = ['-c', 'echo ready; exec sleep 1000'];

describe('a supervised child', () => {
  it('ends when its parent is killed', async () => {
    const { parent, child } = await parentWith({ command: 'sh', args: READY_THEN_SLEEP, deathSignal: 'SIGTERM' });
    await until(() => readProcess(child)?.cmdline.join(' ') === 'sleep 1000');
    parent.kill('SIGKILL');
    await until(() => readProcess(child) === undefined);
  });

  it('that ignores SIGTERM ends by a death signal of SIGKILL', async () => {
    const { parent, child } = await parentWith({
      command: 'sh',
      args: ['-c', 'trap "" TERM; echo ready; exec sleep 1000'],
      deathSignal: 'SIGKILL',
    });
    process.kill(child, 'SIGTERM');
    parent.kill('SIGKILL');
    await until(() => readProcess(child) === undefined);
  });

  it.runIf(isRoot)('ends with its parent as another user too', async () => {
    const { parent, child } = await parentWith({
      command: 'sh',
      args: ['-c', '[ "$(id -u):$(id -G)" = 65534:65534 ] && echo ready; exec sleep 1000'],
      user: NOBODY,
      deathSignal: 'SIGQUIT',
    });
    parent.kill('SIGKILL');
    await until(() => readProcess(child) === undefined);
  });

  it.runIf(isRoot)('of an ordinary user ends with its parent', async () => {
    const line = boundToParent({
      setpriv: findSetpriv(process.env.PATH ?? ''),
      command: 'sleep',
      args: ['1000'],
      user: null,
      deathSignal: 'SIGKILL',
      parentPid: 0,
    });
    // A shell that runs as nobody is the parent: the same command line, with its own pid.
    const words = [line.file, ...line.args].map((word) => (word === '0' ? '"$$"' : `'${word}'`)).join(' ');
    const lines: string[] = [];
    const parent = spawnSupervised({
      command: 'sh',
      args: ['-c', `${words} & echo $!; wait`],
      user: NOBODY,
      deathSignal: 'SIGKILL',
      onLine: (text) => lines.push(text),
    });
    killAfter(parent.pid);
    await until(() => readProcess(Number(lines[0]))?.cmdline.join(' ') === 'sleep 1000');
    parent.kill('SIGKILL');
    await until(() => readProcess(Number(lines[0])) === undefined);
  });

  it('never begins when its parent dies before setpriv came to run', async () => {
    const began = path.join(directory, 'began');
    const slow = `#!/bin/sh\nsleep 0.2\nexec ${findSetpriv(process.env.PATH ?? '')} "$@"\n`;
    writeFileSync(path.join(directory, 'setpriv'), slow, { mode: 0o755 });
    const options = { command: 'touch', args: [began], deathSignal: 'SIGKILL', dieAtOnce: true };
    const env = { ...process.env, PATH: `${directory}:${process.env.PATH}` };
    const parent = spawn(process.execPath, [PARENT, JSON.stringify(options)], { stdio: 'ignore', env });
    await once(parent, 'exit');
    expect(parent.signalCode).toBe('SIGKILL');
    await expectNoProcessOf(directory);
    expect(existsSync(began)).toBe(false);
  });

  it('gives its lines, and its exit while a grandchild holds the output open', async () => {
    const lines: string[] = [];
    const child = spawnSupervised({
      command: 'sh',
      args: ['-c', 'echo out; echo err >&2; sleep 1000 & echo $!; exit 3'],
      deathSignal: 'SIGKILL',
      onLine: (line, stream) => lines.push(`${stream} ${line}`),
    });
    expect(await child.exited).toEqual({ code: 3, signal: null });
    await until(() => lines.length === 3);
    expect(lines).toContain('stdout out');
    expect(lines).toContain('stderr err');
    process.kill(Number(/stdout (\d+)/.exec(lines.join('\n'))?.[1]), 'SIGKILL');
  });

  it('tells the signal that ended it, and takes no signal afterwards', async () => {
    const child = spawnSupervised({ command: 'sleep', args: ['1000'], deathSignal: 'SIGKILL', onLine: () => {} });
    child.kill('SIGKILL');
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
    child.kill('SIGTERM');
  });

  it('needs setpriv', () => {
    expect(() => findSetpriv(directory)).toThrow(expect.objectContaining({ code: 'missing-dependency' }));
  });
});

describe('runCommand', () => {
  it('gives output, exit code and takes input', async () => {
    const result = await runCommand({
      command: 'sh',
      args: ['-c', 'cat; echo no >&2; exit 4'],
      input: 'hello',
      timeoutMs: 5_000,
    });
    expect(result).toEqual({ code: 4, signal: null, stdout: 'hello', stderr: 'no\n', ended: 'by-itself' });
  });

  it('kills the whole group at the limit', async () => {
    const result = await runCommand({ command: 'sh', args: ['-c', 'sleep 1000 & echo $!; wait'], timeoutMs: 300 });
    expect(result.ended).toBe('timeout');
    await until(() => readProcess(Number(result.stdout)) === undefined);
  });

  it('kills the whole group on abort, also before it began', async () => {
    const abort = new AbortController();
    const running = runCommand({ command: 'sleep', args: ['1000'], timeoutMs: 60_000, abort: abort.signal });
    abort.abort();
    expect((await running).ended).toBe('abort');
    expect((await runCommand({ command: 'sleep', args: ['1000'], timeoutMs: 60_000, abort: abort.signal })).ended).toBe(
      'abort',
    );
  });

  it('keeps the end of an endless output', async () => {
    const result = await runCommand({
      command: 'sh',
      args: ['-c', 'yes | head -c 5000000; echo last'],
      timeoutMs: 20_000,
    });
    expect(result.stdout.length).toBeLessThanOrEqual(1 << 20);
    expect(result.stdout.endsWith('last\n')).toBe(true);
  });

  it('says 127 for a command that is not there', async () => {
    expect((await runCommand({ command: '/nowhere/initdb', args: [], timeoutMs: 5_000 })).code).toBe(127);
  });
});

describe('endLeftover', () => {
  function leftover(args: string[]): number {
    const child = spawn('sleep', args, { stdio: 'ignore' });
    cleanups.push(() => void child.kill('SIGKILL'));
    return child.pid!;
  }
  const isSleep = (cmdline: readonly string[], exe: string) => exe.includes('/') && cmdline[1] === '777';

  it('ends the process that the file names when it is the right one', async () => {
    const pid = leftover(['777']);
    const file = path.join(directory, 'x.pid');
    writeFileSync(file, `${pid}\nmore\n`);
    expect(await endLeftover(file, isSleep, 'SIGTERM')).toBe(pid);
    expect(readProcess(pid)).toBeUndefined();
  });

  it('leaves another program of that number alone', async () => {
    const pid = leftover(['778']);
    const file = path.join(directory, 'x.pid');
    writeFileSync(file, String(pid));
    expect(await endLeftover(file, isSleep, 'SIGKILL')).toBe(0);
    expect(readProcess(pid)).toBeDefined();
  });

  it.each(['', 'abc', '0', '-1', '1', '4194305', '1.5'])('finds nothing in a file that holds %j', async (text) => {
    const file = path.join(directory, 'x.pid');
    writeFileSync(file, text);
    expect(await endLeftover(file, () => true, 'SIGKILL')).toBe(0);
    expect(await endLeftover(path.join(directory, 'none'), () => true, 'SIGKILL')).toBe(0);
  });

  it('gives up on one that does not end', async () => {
    const child = spawn('sh', ['-c', 'trap "" TERM; echo; exec sleep 777'], { stdio: ['ignore', 'pipe', 'ignore'] });
    cleanups.push(() => void child.kill('SIGKILL'));
    await until(() => readProcess(child.pid!)?.cmdline[0] === 'sleep');
    const file = path.join(directory, 'x.pid');
    writeFileSync(file, String(child.pid));
    await expect(endLeftover(file, isSleep, 'SIGTERM', 50)).rejects.toMatchObject({ code: 'deadline-exceeded' });
  });
});
