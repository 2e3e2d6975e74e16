import { readFileSync } from 'node:fs';
import { HowdahError } from '../../model/errors.ts';
import { type Host, searchPath, thisHost } from './host.ts';
import { complaint, run } from './run.ts';

/** The account that PostgreSQL and its tools run as when Howdah runs as root: PostgreSQL refuses to be root. */
export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Null for an ordinary user, who runs PostgreSQL as themselves. For root `postgres` if that account exists, else
 * `nobody`.
 * @throws HowdahError `missing-dependency` when root's machine has neither.
 */
export function postgresUser(host: Pick<Host, 'uid'> = thisHost(), accounts = '/etc/passwd'): SystemUser | null {
  if (host.uid !== 0) return null;
  const lines = readFileSync(accounts, 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (fields && fields[2] !== '0') return { name, uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new HowdahError(
    'missing-dependency',
    'PostgreSQL refuses to run as root and there is neither a user "postgres" nor "nobody": add one with `useradd --system postgres`, or run Howdah as an ordinary user',
  );
}

export interface Setpriv {
  readonly path: string;
  readonly version: string;
}

const SETPRIV_HELP = 'install util-linux 2.33 or newer (Debian, Ubuntu: `apt install util-linux`)';

/**
 * util-linux's setpriv, which ends a child when its parent dies (--pdeathsig, since util-linux 2.33).
 * https://man7.org/linux/man-pages/man1/setpriv.1.html
 * @throws HowdahError `missing-dependency`.
 */
export async function findSetpriv(host: Host = thisHost()): Promise<Setpriv> {
  let found = 'there is none on PATH';
  for (const directory of [...searchPath(host), '/usr/bin', '/bin']) {
    const path = `${directory}/setpriv`;
    const printed = await run(path, ['--version']);
    const version = /util-linux (\d+)\.(\d+)\S*/.exec(printed.stdout);
    if (!version) {
      // Busybox has a setpriv without --pdeathsig, which knows no --version.
      if (printed.code !== null) found = `${path} is not util-linux's (${complaint(printed)})`;
      continue;
    }
    const text = version[0].slice('util-linux '.length);
    if (Number(version[1]) > 2 || Number(version[2]) >= 33) return { path, version: text };
    found = `${path} is of util-linux ${text}`;
  }
  throw new HowdahError(
    'missing-dependency',
    `setpriv with --pdeathsig is needed to end processes with their parent, and ${found}: ${SETPRIV_HELP}`,
  );
}
