import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../test/support/temp-dir.ts';
import { until } from '../../test/support/until.ts';
import { readProcess } from '../process/proc.ts';
import { removeStaleLocks } from './stale-locks.ts';

it('removes locks of a process that ended, also while nobody has waited for it', async () => {
  using directory = tempDir();
  const lock = path.join(directory.path, 'postmaster.pid');
  // The shell becomes a sleep before its child ends, and that never waits for it.
  const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const [chunk] = await once(parent.stdout!, 'data');
    const child = Number(String(chunk));
    writeFileSync(lock, `${child}\n/data\n`);
    await until(() => readProcess(child) === undefined, { what: 'the child to end' });
    process.kill(child, 0);
    expect(removeStaleLocks(directory.path, directory.path)).toEqual([lock]);
    expect(existsSync(lock)).toBe(false);
  } finally {
    parent.kill('SIGKILL');
  }
});

it('leaves locks of living processes, and what is no lock', () => {
  using directory = tempDir();
  const lock = path.join(directory.path, 'postmaster.pid');
  expect(removeStaleLocks(directory.path, directory.path)).toEqual([]);
  for (const text of [`${process.pid}\n`, `-${process.pid}\n`, 'no number\n', '']) {
    writeFileSync(lock, text);
    expect(removeStaleLocks(directory.path, directory.path)).toEqual([]);
    expect(existsSync(lock)).toBe(true);
  }
});
