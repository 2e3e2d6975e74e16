import { homedir } from 'node:os';

/** The machine as the search for programs sees it: given, so that a test can show it another one. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** User id of this process; 0 is root. */
  readonly uid: number;
  readonly home: string;
  /** As Node names it: `x64`, `arm64`, ... */
  readonly arch: string;
  /** Directory that holds one directory a PostgreSQL major version, as Debian lays them out. */
  readonly postgresRoot: string;
  /** Cache for root when its own isn't reachable for PostgreSQL's user. */
  readonly sharedCache: string;
  /** File descriptor that progress of a download is written to. */
  readonly progress: number | 'ignore';
}

export function thisHost(): Host {
  return {
    env: process.env,
    uid: process.getuid?.() ?? -1,
    home: homedir(),
    arch: process.arch,
    postgresRoot: '/usr/lib/postgresql',
    sharedCache: '/var/cache/howdah',
    progress: 2,
  };
}

/** Directories of PATH in order. Relative ones are left out: what they name depends on where one stands. */
export function searchPath(host: Host): string[] {
  return (host.env.PATH ?? '').split(':').filter((directory) => directory.startsWith('/'));
}

/** A line about progress for the person at the terminal. */
export type Tell = (line: string) => void;
