/**
 * Directories of PostgreSQL's unix sockets. A socket's path has at most 107 bytes, so a state directory with a long
 * name can't hold one: a short directory of its own under the temporary directory takes its place.
 * https://man7.org/linux/man-pages/man7/unix.7.html
 */
import { lstatSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HowdahError } from '../../control-plane/model/errors.ts';

const SOCKET_PATH_MAX_BYTES = 107;
/** The longest name that goes into the directory. */
const SOCKET_NAME = '.s.PGSQL.5432';

export function fitsSocket(directory: string): boolean {
  return Buffer.byteLength(join(directory, SOCKET_NAME)) <= SOCKET_PATH_MAX_BYTES;
}

/**
 * The wished directory if a socket fits into it, else the kept one if it still is ours, else a new one under the
 * temporary directory. The directory exists afterwards, readable by nobody else.
 * @throws HowdahError `failed-precondition` when the temporary directory's name is too long as well.
 */
export function chooseSocketDirectory(wished: string, kept: string | undefined, temporary = tmpdir()): string {
  if (fitsSocket(wished)) {
    mkdirSync(wished, { recursive: true, mode: 0o700 });
    return wished;
  }
  if (kept !== undefined && fitsSocket(kept) && remake(kept)) return kept;
  const prefix = join(temporary, 'howdah-');
  if (!fitsSocket(`${prefix}XXXXXX`)) {
    const message = `no unix socket fits into ${wished} nor under ${temporary} (at most ${SOCKET_PATH_MAX_BYTES} bytes): give a shorter --state-dir`;
    throw new HowdahError('failed-precondition', message);
  }
  return mkdtempSync(prefix);
}

/** Makes a directory of an earlier run again; false when somebody else has the name now. */
function remake(directory: string): boolean {
  try {
    mkdirSync(directory, { mode: 0o700 });
    return true;
  } catch {
    const found = lstatSync(directory, { throwIfNoEntry: false });
    // As root it belongs to the account that PostgreSQL runs as; for others only their own will do.
    return found?.isDirectory() === true && (found.mode & 0o022) === 0 && ownedByUs(found.uid);
  }
}

function ownedByUs(uid: number): boolean {
  const own = process.getuid?.();
  return own === 0 || own === uid;
}
