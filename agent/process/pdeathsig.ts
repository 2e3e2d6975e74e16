import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { HowdahError } from '../../control-plane/model/errors.ts';

/** The signal that the kernel sends to a child when its parent dies. */
export type DeathSignal = 'SIGQUIT' | 'SIGTERM' | 'SIGKILL';

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Runs between setpriv and the command. PR_SET_PDEATHSIG is silent about a parent that died before the call: the child
 * would then have another parent already and never hear of it. So after the call, and before the command begins, the
 * child compares its parent with the one that it was started by. A parent that dies later is signalled by the kernel.
 */
const REFUSE_ORPHANS = '[ "$PPID" = "$1" ] || exit 125; shift; exec "$@"';

/**
 * The command line that runs `command` bound to the life of the process `parentPid`, which must be the caller's own.
 * Each program in it replaces the one before (exec), so that the child's pid is the command's. setpriv sets the signal
 * after it changed the user: the kernel forgets it at a change of credentials.
 * https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
 */
export function boundToParent(options: {
  readonly setpriv: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly user: User | null;
  readonly deathSignal: DeathSignal;
  readonly parentPid: number;
}): { file: string; args: string[] } {
  const user =
    options.user === null ? [] : [`--reuid=${options.user.uid}`, `--regid=${options.user.gid}`, '--clear-groups'];
  return {
    file: options.setpriv,
    args: [
      `--pdeathsig=${options.deathSignal}`,
      ...user,
      '--',
      '/bin/sh',
      '-c',
      REFUSE_ORPHANS,
      'howdah',
      String(options.parentPid),
      options.command,
      ...options.args,
    ],
  };
}

/** The user to change to, or null where that is who runs already: changing to oneself needs rights too. */
export function otherUser(user: User | null): User | null {
  if (user === null) return null;
  return process.geteuid?.() === user.uid && process.getegid?.() === user.gid ? null : user;
}

/** @throws HowdahError `missing-dependency` when no directory of `searchPath` holds setpriv. */
export function findSetpriv(searchPath: string): string {
  for (const directory of searchPath.split(path.delimiter)) {
    const file = path.join(directory, 'setpriv');
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this directory.
    }
  }
  throw new HowdahError('missing-dependency', 'setpriv was not found on PATH: install util-linux >= 2.33');
}
