import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Holds an exclusive lock on `file` until disposed. The kernel's lock, held by a child that ends with us: a command that
 * was killed leaves none behind. Undefined when flock isn't installed; then nobody waits for another.
 * https://man7.org/linux/man-pages/man1/flock.1.html
 */
export async function lockFile(file: string, onWait: () => void): Promise<AsyncDisposable | undefined> {
  // cat ends when its input does: at dispose, or when this process is gone.
  const child = spawn('flock', ['--exclusive', file, 'sh', '-c', 'echo held && exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const waiting = setTimeout(onWait, 500);
  try {
    const held = await Promise.race([
      once(child.stdout, 'data').then(() => true),
      once(child, 'error').then(() => false),
      once(child, 'exit').then(() => false),
    ]).catch(() => false);
    return held ? { [Symbol.asyncDispose]: () => release(child) } : undefined;
  } finally {
    clearTimeout(waiting);
  }
}

async function release(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.stdin?.end();
  await ended;
}
