/**
 * Names for the directories of instances that are short enough for unix sockets in them. A socket's path has at most
 * 107 bytes, so a directory with a long name gets a second one: a link in a directory under the temporary directory.
 * https://man7.org/linux/man-pages/man7/unix.7.html
 */
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HowdahError } from '../../control-plane/model/errors.ts';

const SOCKET_PATH_MAX_BYTES = 107;
/** The longest path that a socket has below the directory of an instance. */
const LONGEST_SOCKET = 'socket/.s.PGSQL.5432';

export function fitsSockets(directory: string): boolean {
  return Buffer.byteLength(join(directory, LONGEST_SOCKET)) <= SOCKET_PATH_MAX_BYTES;
}

export class ShortDirectories {
  readonly #kept: string | undefined;
  readonly #temporary: string;
  readonly #links: string[] = [];
  #root: string | undefined;

  /** @param kept the root of an earlier run: taken again if it still is ours. */
  constructor(kept: string | undefined, temporary = tmpdir()) {
    this.#kept = kept;
    this.#temporary = temporary;
  }

  /** The directory that holds the links; undefined while none was needed. */
  get root(): string | undefined {
    return this.#root;
  }

  /**
   * The directory itself if sockets fit into it, else a link of this name to it.
   * @throws HowdahError `failed-precondition` when the temporary directory's name is too long as well.
   */
  shorten(directory: string, name: string): string {
    if (fitsSockets(directory)) return directory;
    if (!fitsSockets(join(this.#temporary, 'howdah-XXXXXX', name))) {
      const message = `no unix socket fits into ${directory} nor under ${this.#temporary} (at most ${SOCKET_PATH_MAX_BYTES} bytes): give a shorter --state-dir`;
      throw new HowdahError('failed-precondition', message);
    }
    this.#root ??= this.#makeRoot();
    const link = join(this.#root, name);
    rmSync(link, { force: true });
    symlinkSync(directory, link);
    this.#links.push(link);
    return link;
  }

  /** The links and their directory; what they point to stays. */
  remove(): void {
    if (this.#root === undefined) return;
    for (const link of this.#links.splice(0)) rmSync(link, { force: true });
    try {
      rmdirSync(this.#root);
    } catch {
      // Somebody put something else into it.
    }
    this.#root = undefined;
  }

  #makeRoot(): string {
    const root =
      this.#kept !== undefined && remake(this.#kept) ? this.#kept : mkdtempSync(join(this.#temporary, 'howdah-'));
    // The account that PostgreSQL runs as has to get through.
    chmodSync(root, 0o711);
    return root;
  }
}

/** Makes a directory of an earlier run again; false when somebody else has the name now. */
function remake(directory: string): boolean {
  try {
    mkdirSync(directory, { mode: 0o700 });
    return true;
  } catch {
    const found = lstatSync(directory, { throwIfNoEntry: false });
    return found?.isDirectory() === true && (found.mode & 0o022) === 0 && found.uid === process.getuid?.();
  }
}
