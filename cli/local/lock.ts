/**
 * One `howdah up` for a state directory. The lock is the kernel's (flock on the open file), so it ends with its
 * holder however that ends, and two that start at once can't both get it. The file's text is only for the message.
 * https://man7.org/linux/man-pages/man1/flock.1.html
 */
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { HowdahError } from '../../control-plane/model/errors.ts';

/** Exit code of flock(1) when the lock is somebody else's, told apart from its other failures. */
const BUSY = 75;

export class StateLock {
  readonly #descriptor: number;
  #held = true;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /**
   * @throws HowdahError `failed-precondition` naming the holder's pid; `missing-dependency` without flock(1).
   */
  static acquire(stateDir: string): StateLock {
    const file = join(stateDir, 'lock');
    const descriptor = openSync(file, 'a+', 0o600);
    try {
      // flock(1) locks the open file that it inherits as descriptor 3, which is the same as ours: the lock outlives it.
      const flock = spawnSync('flock', ['--nonblock', '--conflict-exit-code', String(BUSY), '3'], {
        stdio: ['ignore', 'ignore', 'pipe', descriptor],
        encoding: 'utf8',
      });
      if (flock.error) {
        throw new HowdahError('missing-dependency', 'flock is not there: install util-linux', { cause: flock.error });
      }
      if (flock.status === BUSY) throw busy(stateDir, file);
      if (flock.status !== 0) throw new HowdahError('internal', `${file} can't be locked: ${flock.stderr.trim()}`);
      ftruncateSync(descriptor, 0);
      writeSync(descriptor, `${process.pid}\n`);
      return new StateLock(descriptor);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  /** Idempotent. The file stays: removing it would let two holders lock two files of one name. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    ftruncateSync(this.#descriptor, 0);
    closeSync(this.#descriptor);
  }
}

function busy(stateDir: string, file: string): HowdahError {
  const pid = readFileSync(file, 'utf8').trim();
  const holder = pid === '' ? 'another `howdah up`' : `\`howdah up\` with pid ${pid}`;
  return new HowdahError(
    'failed-precondition',
    `${holder} already runs on ${stateDir}: stop it first, or give another directory with --state-dir`,
  );
}
