/**
 * One process at a time. The lock is the kernel's (flock on the open file), so it ends with its holder however that
 * ends, kill -9 included, and two that start at once can't both get it. The file's text is only for the message.
 * https://man7.org/linux/man-pages/man2/flock.2.html
 */
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { HowdahError } from '../model/errors.ts';

/** Exit code of flock(1) when the lock is somebody else's, told apart from its other failures. */
const BUSY = 75;

export class FileLock {
  readonly #descriptor: number;
  #held = true;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /**
   * @param busy the message when another has it; `holder` is its pid in decimal, '' while it is not known.
   * @throws HowdahError `failed-precondition` with that message; `missing-dependency` without flock(1).
   */
  static acquire(file: string, busy: (holder: string) => string): FileLock {
    const descriptor = openSync(file, 'a+', 0o600);
    try {
      // flock(1) locks the open file that it inherits as descriptor 3. That is ours too, so the lock outlives flock(1).
      const flock = spawnSync('flock', ['--nonblock', '--conflict-exit-code', String(BUSY), '3'], {
        stdio: ['ignore', 'ignore', 'pipe', descriptor],
        encoding: 'utf8',
      });
      if (flock.error) {
        throw new HowdahError('missing-dependency', 'flock is not there: install util-linux', { cause: flock.error });
      }
      if (flock.status === BUSY) {
        throw new HowdahError('failed-precondition', busy(readFileSync(file, 'utf8').trim()));
      }
      if (flock.status !== 0) throw new HowdahError('internal', `${file} can't be locked: ${flock.stderr.trim()}`);
      ftruncateSync(descriptor, 0);
      writeSync(descriptor, `${process.pid}\n`);
      return new FileLock(descriptor);
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
