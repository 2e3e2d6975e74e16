// The journal on disk: read at the start, appended to, replaced by a shorter one. journal.ts owns the bytes' meaning.
import { constants } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HowdahError } from '../model/errors.ts';
import type { Logger } from '../runtime/logger.ts';
import { encodeFrame, readFrame } from './journal.ts';

export interface JournalFileOptions {
  readonly path: string;
  /**
   * Bytes of zeros kept after the first entry, so that an append changes no size: with O_DSYNC it is then one write
   * to the disk and no update of the file's metadata.
   */
  readonly spareBytes: number;
  readonly log: Logger;
}

/** Its methods are called one at a time. */
export class JournalFile {
  readonly #options: JournalFileOptions;
  #file: FileHandle | null = null;
  #sequence = 0;
  #end = 0;
  #firstEnd = 0;

  constructor(options: JournalFileOptions) {
    this.#options = options;
  }

  /** Bytes of all entries after the first: what a replacement would save. */
  get appendedBytes(): number {
    return this.#end - this.#firstEnd;
  }

  /**
   * Every entry in order; undefined when there is no journal yet.
   * @throws HowdahError `corrupted` naming the file, the offset and what to do.
   */
  async open(): Promise<unknown[] | undefined> {
    const { path } = this.#options;
    await rm(replacementOf(path), { force: true });
    const bytes = await readFile(path).catch(undefinedWhenMissing);
    if (!bytes) return undefined;
    const payloads: unknown[] = [];
    let found = readFrame(bytes, 0, 0);
    for (; found.kind === 'frame'; found = readFrame(bytes, this.#end, this.#sequence)) {
      payloads.push(found.payload);
      this.#sequence += 1;
      this.#end = found.end;
      if (payloads.length === 1) this.#firstEnd = found.end;
    }
    // A journal comes into being by a rename, with its first entry in it: without one it was not written by us.
    if (payloads.length === 0) throw this.corrupted(found.kind === 'damaged' ? found.detail : 'it has no first entry');
    if (found.kind === 'damaged') throw this.corrupted(found.detail);
    this.#file = await open(path, constants.O_RDWR | constants.O_DSYNC);
    if (found.kind === 'torn') await this.#cutTail(bytes.length);
    return payloads;
  }

  /** On disk when it resolves. A journal whose append failed must not be appended to again. */
  async append(payload: unknown): Promise<void> {
    const file = this.#file;
    if (!file) throw new Error('the journal is not open');
    const frame = encodeFrame(this.#sequence, payload);
    await writeAll(file, frame, this.#end);
    this.#sequence += 1;
    this.#end += frame.length;
  }

  /** Makes a journal of this one entry take the place of what is there, at once or not at all. */
  async replace(payload: unknown): Promise<void> {
    const { path, spareBytes } = this.#options;
    const frame = encodeFrame(0, payload);
    const file = await open(replacementOf(path), 'w', 0o600);
    try {
      await writeAll(file, Buffer.concat([frame, Buffer.alloc(spareBytes)]), 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(replacementOf(path), path);
    await syncDirectory(dirname(path));
    await this.close();
    this.#file = await open(path, constants.O_RDWR | constants.O_DSYNC);
    this.#sequence = 1;
    this.#end = frame.length;
    this.#firstEnd = frame.length;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  corrupted(detail: string): HowdahError {
    const { path } = this.#options;
    return new HowdahError(
      'corrupted',
      `the journal ${path} is damaged at byte ${this.#end}: ${detail}. Nothing was changed. Put an intact copy of this ` +
        'very file in its place (not a backup: an older one would undo decisions), or move the state directory away ' +
        'and start anew; the data of the clusters is not in it.',
    );
  }

  async #cutTail(fileBytes: number): Promise<void> {
    const { path, log, spareBytes } = this.#options;
    log.warn({ path, offset: this.#end, bytes: fileBytes - this.#end }, 'journal: cut an unfinished entry off');
    await this.#file?.truncate(this.#end);
    if (this.#file) await writeAll(this.#file, Buffer.alloc(spareBytes), this.#end);
    await this.#file?.sync();
  }
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function replacementOf(path: string): string {
  return join(dirname(path), 'journal.new');
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const result = await file.write(bytes, written, bytes.length - written, position + written);
    written += result.bytesWritten;
  }
}

function undefinedWhenMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
