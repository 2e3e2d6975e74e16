import { execFileSync, spawn } from 'node:child_process';
import { getPriority } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { takePrecedence } from './precedence.ts';

/** What a process of its own gets: the tests themselves stay where they are. */
function precedence(groupFile?: string): { why: string; niceness: number } {
  const script = `
    import { getPriority } from 'node:os';
    import { takePrecedence } from ${JSON.stringify(path.join(import.meta.dirname, 'precedence.ts'))};
    const why = takePrecedence(process.pid, ${JSON.stringify(groupFile)});
    console.log(JSON.stringify({ why, niceness: getPriority() }));`;
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' }));
}

describe('precedence', () => {
  it('is given to another process', async () => {
    const own = getPriority();
    const other = spawn('sleep', ['30'], { detached: true });
    onTestFinished(() => void other.kill('SIGKILL'));
    const why = takePrecedence(other.pid);
    expect(why === '' ? getPriority(other.pid) : why).toEqual(
      why === '' ? -10 : expect.stringMatching(/EPERM|EACCES|permission/i),
    );
    expect(getPriority()).toBe(own);
  });

  it('lets a process of root run before others, and says why where it may not', () => {
    const { why, niceness } = precedence();
    expect(why === '' ? niceness : why).toEqual(why === '' ? -10 : expect.stringMatching(/EPERM|EACCES|permission/i));
  });

  it('is had by a process outside every group: the kernel refuses the group, with EINVAL', () => {
    // A file of the kernel's that refuses this number with the same error.
    expect(precedence('/proc/self/clear_refs').why).not.toMatch(/EINVAL/);
  });

  it('has no groups to raise where the kernel has none', () => {
    expect(precedence('/proc/self/no-such-file').why).not.toMatch(/ENOENT/);
  });
});
