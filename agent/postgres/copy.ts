/** Taking over the primary's data: pg_basebackup for a new directory, pg_rewind for one that diverged. */
import { HowdahError } from '../../control-plane/model/errors.ts';
import type { Override } from '../observe/observed.ts';
import type { DataDirectory } from './data-directory.ts';
import { type Installation, runTool, ToolError } from './installation.ts';

/** Where the primary is reached: through the local Envoy. */
export interface Source {
  readonly replicationPort: number;
}

const HOURS_MS = 3_600_000;
/** Before pg_rewind gives up by itself there is nothing to bound: it reads as fast as the primary sends. */
const REWIND_TIMEOUT_MS = 2 * HOURS_MS;
const BASEBACKUP_TIMEOUT_MS = 24 * HOURS_MS;

function connection(source: Source): string {
  return `host=127.0.0.1 port=${source.replicationPort} user=howdah_replication connect_timeout=5 sslmode=disable`;
}

/**
 * Fills `data.incoming` as a standby's directory, whole and on disk. It runs under its own application_name: a copy
 * under the instance's name could count as a flushing standby.
 * @throws ToolError; `data.incoming` is removed then.
 */
export async function basebackup(
  installation: Installation,
  data: DataDirectory,
  source: Source,
  slot: string,
  override: Override,
  abort: AbortSignal,
): Promise<void> {
  await data.makeIncoming();
  try {
    await runTool(installation, 'pg_basebackup', {
      args: [
        ...['--pgdata', data.incoming, '--dbname', connection(source), '--no-password', '--checkpoint=fast'],
        ...['--wal-method=stream', '--slot', slot],
      ],
      timeoutMs: BASEBACKUP_TIMEOUT_MS,
      abort,
    });
    await data.configure(data.incoming, override);
    await data.signalStandby(data.incoming, true);
  } catch (error) {
    await data.removeIncoming();
    throw error;
  }
}

export type RewindOutcome =
  | { readonly kind: 'rewound' }
  /** pg_rewind ended before it changed anything: worth another try. */
  | { readonly kind: 'unreachable'; readonly error: ToolError }
  /** The directory can't be rewound; it may be half changed. */
  | { readonly kind: 'failed'; readonly error: Error };

/**
 * Turns `data` into what the primary's was at the fork, as a standby's directory. pg_rewind does crash recovery first
 * where that is needed, in a single-user session, which knows no standby.signal.
 */
export async function rewind(
  installation: Installation,
  data: DataDirectory,
  source: Source,
  override: Override,
  abort: AbortSignal,
): Promise<RewindOutcome> {
  // Before the directory is marked: an unreachable primary must cost nothing.
  try {
    await runRewind(installation, data, source, abort, ['--dry-run', '--no-ensure-shutdown']);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    if (/connection to server|could not connect|server closed the connection/.test(error.output)) {
      return { kind: 'unreachable', error };
    }
    // Anything else it says of a directory that wasn't shut down cleanly is settled by the real run.
  }
  await data.beginRewind();
  await data.signalStandby(data.path, false);
  try {
    const told = await runRewind(installation, data, source, abort, [`--config-file=${data.path}/postgresql.conf`]);
    if (told.includes('no rewind required')) return { kind: 'failed', error: missedDivergence() };
  } catch (error) {
    if (error instanceof ToolError) return { kind: 'failed', error };
    throw error;
  }
  await data.configure(data.path, override);
  await data.signalStandby(data.path, true);
  await data.finishRewind();
  return { kind: 'rewound' };
}

/**
 * A standby that was promoted and stopped before its control file knew the new timeline: pg_rewind's crash recovery goes
 * on with the old one, writes a checkpoint of its own there, and pg_rewind takes both for one history.
 */
function missedDivergence(): Error {
  return new HowdahError('failed-precondition', 'pg_rewind finds nothing to rewind where WAL diverged');
}

/** @returns what it wrote. */
async function runRewind(
  installation: Installation,
  data: DataDirectory,
  source: Source,
  abort: AbortSignal,
  more: readonly string[],
): Promise<string> {
  const server = `${connection(source)} dbname=postgres application_name=pg_rewind`;
  const { stdout, stderr } = await runTool(installation, 'pg_rewind', {
    args: ['--target-pgdata', data.path, '--source-server', server, ...more],
    timeoutMs: REWIND_TIMEOUT_MS,
    abort,
  });
  return stdout + stderr;
}
