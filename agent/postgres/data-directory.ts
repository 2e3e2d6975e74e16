/**
 * The directory of one instance: `data` (PGDATA) and what the agent keeps beside it.
 *
 *   data              only ever whole: made as `data.incoming` and renamed
 *   data.incoming     a copy under way; ours to delete
 *   data.kept-N       a former data directory that couldn't be used; never deleted by Howdah
 *   rewind-running    there while pg_rewind changes `data`: if it is found later, `data` is unusable
 */
import { mkdir, readdir, readFile, rm, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { Override } from '../observe/observed.ts';
import type { User } from '../process/pdeathsig.ts';
import { exists, giveTo, renameDurably, syncDirectory, writeVisible, writeWhole } from './files.ts';
import {
  CONFIG_FILE,
  INCLUDE_LINES,
  OVERRIDE_FILE,
  renderConfig,
  renderHba,
  renderOverride,
  withFloors,
  withoutOverridden,
} from './settings.ts';
import { putStrayWalAside, type StrayWal } from './stray-wal.ts';
import { releaseTimelines, reserveTimelines } from './timeline-number.ts';

export interface DataDirectoryOptions {
  /** The instance's directory; must exist. */
  readonly directory: string;
  readonly owner: User | null;
  readonly parameters: Readonly<Record<string, string>>;
  readonly auth: 'trust' | 'scram';
}

export class DataDirectory {
  readonly path: string;
  readonly incoming: string;
  readonly #options: DataDirectoryOptions;
  readonly #rewindMarker: string;
  /** spec.postgres.parameters as the control plane told them last; in the file with the next start or writeParameters(). */
  parameters: Readonly<Record<string, string>>;
  /** What a standby needs at least of some settings, from its control file; holds for the next start only. */
  floors: Readonly<Record<string, number>> = {};
  /** The parameters that are in the file; undefined = others, or not known. */
  written: Readonly<Record<string, string>> | undefined;
  /** What pg_hba.conf says; undefined = not known. */
  #closed: boolean | undefined;

  constructor(options: DataDirectoryOptions) {
    this.#options = options;
    this.parameters = options.parameters;
    this.path = path.join(options.directory, 'data');
    this.incoming = path.join(options.directory, 'data.incoming');
    this.#rewindMarker = path.join(options.directory, 'rewind-running');
  }

  async state(): Promise<'absent' | 'broken' | 'present'> {
    const names = await namesIn(this.path);
    if (names.length === 0) return 'absent';
    return (await exists(this.#rewindMarker)) ? 'broken' : 'present';
  }

  hasStandbySignal(): Promise<boolean> {
    return exists(path.join(this.path, 'standby.signal'));
  }

  /** It is a copy that was never started. */
  hasBackupLabel(): Promise<boolean> {
    return exists(path.join(this.path, 'backup_label'));
  }

  /** An empty `data.incoming` for PostgreSQL's account. */
  async makeIncoming(): Promise<void> {
    await rm(this.incoming, { recursive: true, force: true });
    await mkdir(this.incoming, { mode: 0o700 });
    await giveTo(this.incoming, this.#options.owner);
  }

  /** `data.incoming`, whole and on disk, becomes `data`. */
  async adoptIncoming(): Promise<void> {
    await renameDurably(this.incoming, this.path);
  }

  removeIncoming(): Promise<void> {
    return rm(this.incoming, { recursive: true, force: true });
  }

  /** `data` becomes `data.kept-N`; answers its new path. */
  async keepAside(): Promise<string> {
    const names = await readdir(this.#options.directory);
    const numbers = names.map((name) => Number(/^data\.kept-(\d+)$/.exec(name)?.[1] ?? 0));
    const kept = `${this.path}.kept-${Math.max(0, ...numbers) + 1}`;
    await renameDurably(this.path, kept);
    await this.finishRewind();
    return kept;
  }

  /** From here to finishRewind() `data` is not to be started. */
  async beginRewind(): Promise<void> {
    await writeWhole(this.#rewindMarker, '', this.#options.owner);
  }

  async finishRewind(): Promise<void> {
    await rm(this.#rewindMarker, { force: true });
    await syncDirectory(this.#options.directory);
  }

  /** Our files in `at`; all of them, so that what a copy brought from another instance is replaced. */
  async configure(at: string, override: Override): Promise<void> {
    const { owner } = this.#options;
    const { parameters } = this;
    const started = withFloors(parameters, this.floors);
    await writeVisible(path.join(at, CONFIG_FILE), renderConfig(started), owner);
    this.written = started === parameters ? parameters : undefined;
    this.#closed = undefined;
    await this.writeOverride(at, override);
    const main = path.join(at, 'postgresql.conf');
    const text = await readFile(main, 'utf8');
    if (!text.endsWith(INCLUDE_LINES)) {
      await writeWhole(main, `${text.replaceAll(INCLUDE_LINES, '')}\n${INCLUDE_LINES}`, owner);
    }
  }

  /** For a PostgreSQL that runs: it has to be reloaded. */
  async writeParameters(): Promise<void> {
    const { parameters } = this;
    await writeVisible(path.join(this.path, CONFIG_FILE), renderConfig(parameters), this.#options.owner);
    this.written = parameters;
  }

  async writeOverride(at: string, override: Override): Promise<void> {
    if (override.closed !== this.#closed) {
      const { owner, auth } = this.#options;
      await writeVisible(path.join(at, 'pg_hba.conf'), renderHba(auth, override.closed), owner);
      this.#closed = override.closed;
    }
    await Promise.all([
      writeVisible(path.join(at, OVERRIDE_FILE), renderOverride(override), this.#options.owner),
      this.#removeOverridden(at),
    ]);
  }

  /** What ALTER SYSTEM set would win over ours. */
  async #removeOverridden(at: string): Promise<void> {
    const auto = path.join(at, 'postgresql.auto.conf');
    const text = (await exists(auto)) ? await readFile(auto, 'utf8') : '';
    const ours = withoutOverridden(text);
    if (ours !== text) await writeWhole(auto, ours, this.#options.owner);
  }

  /** Whether it starts as a standby; on disk when this resolves. */
  async signalStandby(at: string, standby: boolean): Promise<void> {
    const file = path.join(at, 'standby.signal');
    if ((await exists(file)) === standby) return;
    if (standby) return writeWhole(file, '', this.#options.owner);
    await unlink(file);
    await syncDirectory(at);
  }

  /** The next promotion of this directory's server, on timeline `after` now, begins timeline `next`. */
  async reserveTimelines(after: number, next: number): Promise<void> {
    await reserveTimelines(this.path, after, next, this.#options.owner);
  }

  /** Before a start: see stray-wal.ts. Answers the files that were moved. */
  putStrayWalAside(stray: StrayWal): Promise<string[]> {
    return putStrayWalAside(this.path, stray, path.join(this.#options.directory, 'wal.kept'));
  }

  /** Before each start: see timeline-number.ts. */
  async releaseTimelines(): Promise<void> {
    await releaseTimelines(this.path);
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
