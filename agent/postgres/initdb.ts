/** The first data directory of a cluster. */
import { HowdahError } from '../../control-plane/model/errors.ts';
import type { Override } from '../observe/observed.ts';
import type { DataDirectory } from './data-directory.ts';
import { type Installation, runTool } from './installation.ts';
import type { Passwords } from './passwords.ts';

const TIMEOUT_MS = 120_000;

/**
 * Megabytes; PostgreSQL's default is 16. A promotion writes the first segment of its timeline whole before anything is
 * committed, and so does each standby that follows it: with 16 a promotion took 23 to 47 ms, with 4 9 to 24 (measured).
 * A commit pays one more fsync for each 4 MB of WAL.
 */
const WAL_SEGMENT_MB = 4;

/**
 * C.UTF-8: the same order of text on every machine and under every C library, no ICU needed. PostgreSQL 17 brought its
 * own; before it, the C library's.
 */
function localeArguments(major: number): string[] {
  return major >= 17
    ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-locale']
    : ['--locale-provider=libc', '--locale=C.UTF-8'];
}

/** Statements of a single-user session: one a line. */
function roleStatements(passwords: Passwords | null): string {
  const word = (role: keyof Passwords) =>
    passwords === null ? '' : ` password '${passwords[role].replaceAll("'", "''")}'`;
  const rewindFunctions = [
    'pg_ls_dir(text, boolean, boolean)',
    'pg_stat_file(text, boolean)',
    'pg_read_binary_file(text)',
    'pg_read_binary_file(text, bigint, bigint, boolean)',
  ];
  const statements = [
    "set password_encryption = 'scram-sha-256';",
    `create role howdah login superuser${word('howdah')};`,
    `create role howdah_replication login replication${word('howdah_replication')};`,
    // https://www.postgresql.org/docs/current/app-pgrewind.html#id-1.9.5.8.8
    ...rewindFunctions.map((signature) => `grant execute on function ${signature} to howdah_replication;`),
  ];
  if (passwords !== null) statements.push(`alter role postgres${word('postgres')};`);
  return `${statements.join('\n')}\n`;
}

/**
 * Makes it as `data.incoming` with Howdah's roles and settings, then renames it to `data`.
 * @throws ToolError
 */
export async function initdb(
  installation: Installation,
  data: DataDirectory,
  passwords: Passwords | null,
  override: Override,
): Promise<void> {
  if (Object.values(passwords ?? {}).some((password) => /[\n\r]/.test(password))) {
    throw new HowdahError('invalid-argument', 'passwordFile: a password must be one line');
  }
  await data.makeIncoming();
  await runTool(installation, 'initdb', {
    args: [
      ...['--pgdata', data.incoming, '--username', 'postgres', '--encoding=UTF8', '--data-checksums', '--auth=trust'],
      `--wal-segsize=${WAL_SEGMENT_MB}`,
      ...['--lc-messages=C', ...localeArguments(installation.major)],
    ],
    timeoutMs: TIMEOUT_MS,
  });
  await runTool(installation, 'postgres', {
    args: ['--single', '-D', data.incoming, '-c', 'exit_on_error=on', '-c', 'log_statement=none', 'postgres'],
    input: roleStatements(passwords),
    timeoutMs: TIMEOUT_MS,
  });
  await data.configure(data.incoming, override);
  await data.adoptIncoming();
}
