import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOWDAH } from '../support/howdah-up.ts';
import { descendants, expectNoProcess, expectNoProcessOf, isRunning } from '../support/processes.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';
import { NotYet, until } from '../support/until.ts';

let temporary: TempDir;
let child: ChildProcess | undefined;
let output = '';

beforeEach(() => {
  // Short, and open to the account that PostgreSQL runs as under root.
  temporary = tempDir('hd-');
  chmodSync(temporary.path, 0o755);
  output = '';
});

afterEach(async () => {
  if (child?.pid !== undefined && isRunning(child.pid)) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await expectNoProcessOf(temporary.path, 20_000);
  temporary.remove();
});

function demo(...flags: string[]): ChildProcess {
  child = spawn(process.execPath, [HOWDAH, 'demo', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: temporary.path },
  });
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return child;
}

async function said(text: string): Promise<void> {
  const outcome = await until(
    () => {
      if (output.includes(text)) return 'said';
      return child?.exitCode === null && child.signalCode === null ? new NotYet(output) : 'ended';
    },
    { what: `"${text}"`, timeoutMs: 60_000 },
  );
  if (outcome === 'ended') throw new Error(`the demo ended before it said "${text}": ${output}`);
}

describe('howdah demo', () => {
  it('shows a crash and a switchover, loses nothing and leaves nothing', async () => {
    const [code] = await once(demo('--once'), 'exit');
    expect(output).not.toContain('\u001b');
    expect([code, output]).toEqual([0, expect.stringContaining('every instance is back')]);
    const firstWrite = /first write (\S+) (m?s) after the start/.exec(output)!;
    expect(firstWrite[2] === 'ms' || Number(firstWrite[1]) < 20).toBe(true);
    for (const line of [
      /kill -9 +PostgreSQL of demo-1 \(pid \d+\), the primary of epoch 1/,
      /failover +PostgreSQL of demo-1 died: voters are asked to promise epoch 2/,
      /promote +demo-[23] leads with WAL up to/,
      /first write +acknowledged by demo-[23]; none was for \d+/,
      /writes were out for \d.*, reads for \d/,
      /demo-1 was back as a standby after/,
      /[\d,]+ rows were acknowledged: none is missing, none is there twice/,
      /demo-[23] handed over to demo-[123] in/,
      /nothing is left of it/,
    ]) {
      expect(output).toMatch(line);
    }
    await expectNoProcessOf(temporary.path);
    expect(readdirSync(temporary.path)).toEqual([]);
  });

  it('stays up for the user, who sees what a switchover of theirs did; Ctrl-C then is a success', async () => {
    const running = demo('--crashes', '0', '--instances', '2');
    await said('It is yours now');
    await said('npx howdah switchover demo');
    const stateDir = /--state-dir (\S+)/.exec(output)![1]!;
    const moved = spawn(process.execPath, [HOWDAH, 'switchover', 'demo', '--state-dir', stateDir]);
    expect((await once(moved, 'exit'))[0]).toBe(0);
    await said('is primary on timeline 3');
    const processes = descendants(running.pid!).map(({ pid }) => pid);
    running.kill('SIGINT');
    expect((await once(running, 'exit'))[0]).toBe(0);
    expect(output.match(/none is missing, none is there twice/g)).toHaveLength(2);
    await expectNoProcess(processes);
    expect(readdirSync(temporary.path)).toEqual([]);
  });

  it.each([
    ['while it starts', 'starting'],
    ['right after the crash', 'kill -9'],
  ])('stopped %s it leaves nothing, and says by its exit code that it proved nothing', async (_, line) => {
    const running = demo('--once');
    await said(line === 'starting' ? 'processes' : line);
    const processes = descendants(running.pid!).map(({ pid }) => pid);
    running.kill('SIGINT');
    expect((await once(running, 'exit'))[0]).toBe(130);
    await expectNoProcess(processes);
    expect(readdirSync(temporary.path)).toEqual([]);
  });

  it('tells what is wrong in a sentence and leaves nothing', async () => {
    const [code] = await once(demo('--once', '--state-dir', '/proc/nothing'), 'exit');
    expect([code, output]).toEqual([6, expect.stringContaining("--state-dir /proc/nothing can't be written")]);
    expect(readdirSync(temporary.path)).toEqual([]);
  });
});
