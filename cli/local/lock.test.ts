import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { captureError } from '../../test/support/capture-error.ts';
import { type TempDir, tempDir } from '../../test/support/temp-dir.ts';
import { until } from '../../test/support/until.ts';
import { lockStateDirectory } from './lock.ts';

let dir: TempDir;
beforeEach(() => {
  dir = tempDir();
});
afterEach(() => dir.remove());

/** Another process that holds the lock until it is killed. */
async function holder() {
  const module = new URL('./lock.ts', import.meta.url).href;
  const code = `const { lockStateDirectory } = await import('${module}'); lockStateDirectory(process.argv[1]); console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, dir.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

describe('lockStateDirectory', () => {
  it('lets nobody else in until it is released', () => {
    const first = lockStateDirectory(dir.path);
    expect(captureError(() => lockStateDirectory(dir.path))).toMatchObject({
      code: 'failed-precondition',
      message: `\`howdah up\` with pid ${process.pid} already runs on ${dir.path}: stop it first, or give another directory with --state-dir`,
    });
    first.release();
    first.release();
    lockStateDirectory(dir.path).release();
  });

  it('names the other process, and ends with it however that ends', async () => {
    const other = await holder();
    try {
      expect(captureError(() => lockStateDirectory(dir.path)).message).toContain(`pid ${other.pid} already runs`);
    } finally {
      const ended = once(other, 'exit');
      other.kill('SIGKILL');
      await ended;
    }
    const lock = await until(() => lockStateDirectory(dir.path), { what: 'the lock of a killed process' });
    lock.release();
  });

  it('takes no notice of a file that an earlier run left', () => {
    writeFileSync(join(dir.path, 'lock'), `${process.ppid}\n`);
    lockStateDirectory(dir.path).release();
  });
});
