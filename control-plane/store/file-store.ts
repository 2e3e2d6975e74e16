// The embedded store: one directory, one process, a journal of changes. Reads come from memory.
import { access, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ClusterRecord } from '../model/cluster-record.ts';
import { HowdahError } from '../model/errors.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { FileLock } from '../runtime/file-lock.ts';
import type { Logger } from '../runtime/logger.ts';
import { type Change, putChange, replay, snapshotEntry } from './journal-entry.ts';
import { JournalFile, syncDirectory } from './journal-file.ts';
import type { Store, StoreListener, Versioned } from './store.ts';

export interface FileStoreOptions {
  /** Made if it is not there. Holds `journal`, `lock` and `began`, which says that there was a journal. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** The journal is rewritten when it grew by this much. Default 1 MiB. */
  readonly compactAtBytes?: number;
}

const COMPACT_AT_BYTES = 1024 * 1024;
/** A rewrite takes longer than a put: it waits for a pause, so that no failover waits for it ... */
const COMPACT_IDLE_MS = 2000;
/** ... but not beyond this multiple of compactAtBytes. */
const COMPACT_ANYHOW = 16;

/** A change that waits for the disk. */
interface Pending {
  readonly name: string;
  readonly change: Change;
  /** undefined: the cluster is removed. */
  readonly after: Versioned | undefined;
  readonly settle: PromiseWithResolvers<void>;
}

export class FileStore implements Store {
  readonly #options: FileStoreOptions;
  readonly #lock: FileLock;
  readonly #journal: JournalFile;
  /** What is on disk: what reads answer. */
  readonly #durable: Map<string, Versioned>;
  /** The revisions that the disk will have when all accepted changes are there: what compare-and-swap compares. */
  readonly #accepted: Map<string, number>;
  readonly #listeners = new Set<StoreListener>();
  #pending: Pending[] = [];
  /** The one writer, while there is something to write. */
  #writing: Promise<void> | null = null;
  /** Why nothing can be stored any more. */
  #closed: HowdahError | null = null;
  #idle: Timer | null = null;

  private constructor(
    options: FileStoreOptions,
    lock: FileLock,
    journal: JournalFile,
    clusters: Map<string, Versioned>,
  ) {
    this.#options = options;
    this.#lock = lock;
    this.#journal = journal;
    this.#durable = clusters;
    this.#accepted = new Map(Array.from(clusters, ([name, { revision }]) => [name, revision]));
  }

  /**
   * @throws HowdahError `failed-precondition` while another process has the store open; `corrupted` when the journal is
   * damaged or gone; `missing-dependency` without flock(1).
   */
  static async open(options: FileStoreOptions): Promise<FileStore> {
    const { directory, log } = options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await syncDirectory(dirname(directory));
    const lock = FileLock.acquire(join(directory, 'lock'), (holder) => inUse(directory, holder));
    const spareBytes = 2 * (options.compactAtBytes ?? COMPACT_AT_BYTES);
    const journalPath = join(directory, 'journal');
    const marker = join(directory, 'began');
    const journal = new JournalFile({ path: journalPath, spareBytes, log });
    try {
      const payloads = await journal.open();
      if (!payloads) {
        if (await exists(marker)) throw goneError(journalPath, marker);
        await journal.replace(snapshotEntry([]));
      }
      await leaveMarker(marker);
      return new FileStore(options, lock, journal, replayed(journal, payloads ?? []));
    } catch (error) {
      await journal.close();
      lock.release();
      throw error;
    }
  }

  async get(name: string): Promise<Versioned | undefined> {
    return this.#durable.get(name);
  }

  /** Ordered by name. */
  async list(): Promise<Versioned[]> {
    return [...this.#durable.values()].sort((a, b) => (a.record.spec.name < b.record.spec.name ? -1 : 1));
  }

  async put(record: ClusterRecord, expected: number): Promise<number> {
    const { name } = record.spec;
    this.#check(name, expected);
    const revision = expected + 1;
    const change = putChange(record, revision);
    this.#accepted.set(name, revision);
    await this.#store({ name, change, after: { record, revision }, settle: Promise.withResolvers() });
    return revision;
  }

  async remove(name: string, expected: number): Promise<void> {
    this.#check(name, expected);
    if (expected === 0) return;
    this.#accepted.delete(name);
    const change: Change = { kind: 'remove', name };
    await this.#store({ name, change, after: undefined, settle: Promise.withResolvers() });
  }

  watch(listener: StoreListener): () => void {
    this.#listeners.add(listener);
    for (const [name, stored] of this.#durable) listener(name, stored);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#closed ??= new HowdahError('unavailable', 'the store is closed');
    this.#idle?.cancel();
    await this.#writing;
    await this.#journal.close();
    this.#lock.release();
  }

  #check(name: string, expected: number): void {
    if (this.#closed) throw this.#closed;
    const revision = this.#accepted.get(name) ?? 0;
    if (revision === expected) return;
    throw new HowdahError('conflict', `cluster ${name} is at revision ${revision}, not at ${expected}`);
  }

  #store(pending: Pending): Promise<void> {
    this.#pending.push(pending);
    this.#writing ??= this.#write();
    return pending.settle.promise;
  }

  /** Writes until nothing waits. What arrives during one write goes together in the next. */
  async #write(): Promise<void> {
    this.#idle?.cancel();
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      try {
        await this.#journal.append({ changes: batch.map(({ change }) => change) });
      } catch (error) {
        this.#fail(error, batch);
        break;
      }
      for (const { name, after, settle } of batch) {
        if (after) this.#durable.set(name, after);
        else this.#durable.delete(name);
        for (const listener of this.#listeners) listener(name, after);
        settle.resolve();
      }
      if (this.#journal.appendedBytes > this.#compactAtBytes * COMPACT_ANYHOW) await this.#compact();
    }
    this.#writing = null;
    if (this.#closed || this.#journal.appendedBytes <= this.#compactAtBytes) return;
    this.#idle = this.#options.clock.after(COMPACT_IDLE_MS, () => {
      this.#writing ??= this.#compact().then(() => this.#write());
    });
  }

  get #compactAtBytes(): number {
    return this.#options.compactAtBytes ?? COMPACT_AT_BYTES;
  }

  async #compact(): Promise<void> {
    try {
      await this.#journal.replace(snapshotEntry(this.#durable.values()));
    } catch (error) {
      this.#fail(error, []);
    }
  }

  /**
   * What reached the disk is not known after a failed write, and asking again doesn't tell: only a new start reads it.
   * https://wiki.postgresql.org/wiki/Fsync_Errors
   */
  #fail(error: unknown, batch: readonly Pending[]): void {
    const { directory, log } = this.#options;
    const detail = error instanceof Error ? error.message : String(error);
    const failure = new HowdahError(
      'unavailable',
      `the store ${directory} can't be written (${detail}): see to the disk, then start the control plane again`,
      { cause: error },
    );
    this.#closed = failure;
    log.error({ directory, err: error }, 'store: writing failed, nothing is decided until a new start');
    const waiting = [...batch, ...this.#pending];
    this.#pending = [];
    for (const { settle } of waiting) settle.reject(failure);
  }
}

/** Made once the journal is there: from then on a missing journal is a lost one, and not a new store. */
async function leaveMarker(marker: string): Promise<void> {
  if (await exists(marker)) return;
  await writeFile(marker, 'A journal was begun here. Without it this store is not empty but lost.\n', { mode: 0o600 });
  await syncDirectory(dirname(marker));
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function goneError(journal: string, marker: string): HowdahError {
  return new HowdahError(
    'corrupted',
    `the journal ${journal} is gone, though there was one. Nothing was changed. Bring this very file back (not a backup: ` +
      `an older one would undo decisions). To begin with an empty store, which forgets every cluster, remove ${marker} too; ` +
      'the data of the clusters is not in it.',
  );
}

function replayed(journal: JournalFile, payloads: readonly unknown[]): Map<string, Versioned> {
  try {
    return replay(payloads);
  } catch (error) {
    throw journal.corrupted(HowdahError.from(error).message);
  }
}

function inUse(directory: string, holder: string): string {
  const process = holder === '' ? 'another process' : `the control plane with pid ${holder}`;
  return `${process} has the store ${directory} open: stop it first, or give another directory with --state-dir`;
}
