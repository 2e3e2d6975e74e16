/** One `howdah up` for a state directory. */
import { join } from 'node:path';
import { FileLock } from '../../control-plane/runtime/file-lock.ts';

/** @throws HowdahError as FileLock.acquire; the message names the holder's pid. */
export function lockStateDirectory(stateDir: string): FileLock {
  return FileLock.acquire(join(stateDir, 'lock'), (pid) => {
    const holder = pid === '' ? 'another `howdah up`' : `\`howdah up\` with pid ${pid}`;
    return `${holder} already runs on ${stateDir}: stop it first, or give another directory with --state-dir`;
  });
}
