/**
 * How far a store was seen to be: a store that falls behind that, or is another one, was rolled back or replaced, and
 * what it says of epochs and voters is older than what was promised. Remembered in a file across restarts.
 */
import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { HowdahError } from '../../model/errors.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Header } from './client.ts';

const content = z.strictObject({
  /** Made by the first control plane that used the store. */
  identity: z.string().min(1),
  /** etcd's own, decimal. */
  clusterId: z.string().regex(/^\d+$/),
  revision: z.int().min(0),
});

export interface WatermarkOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export type Seen = z.output<typeof content>;

/** The file may lag by this much: what was seen in that time is not missed, only not noticed after a restart. */
const WRITE_EACH_MS = 1_000;

export class Watermark {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  #seen: Seen | null;
  #timer: Timer | null = null;
  #writing: Promise<void> = Promise.resolve();

  private constructor({ file, clock, log }: WatermarkOptions, seen: Seen | null) {
    this.#file = file;
    this.#clock = clock;
    this.#log = log;
    this.#seen = seen;
  }

  /** @throws HowdahError `corrupted` for a file that is not ours. */
  static read(options: WatermarkOptions): Watermark {
    const { file } = options;
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Watermark(options, null);
      throw error;
    }
    try {
      return new Watermark(options, content.parse(JSON.parse(text)));
    } catch (cause) {
      const message = `${file} is damaged: it says how far the store was seen to be. Remove it only if you are certain that the store was not rolled back`;
      throw new HowdahError('corrupted', message, { cause });
    }
  }

  /** null: no store was ever seen from here. */
  get seen(): Seen | null {
    return this.#seen;
  }

  /** To be taken before a request: its answer can't be of an older revision than this. */
  get revision(): number {
    return this.#seen?.revision ?? 0;
  }

  /** The store is this one from here on. */
  adopt(identity: string, header: Header): void {
    this.#seen = { identity, ...header };
    this.#writeSoon();
  }

  /**
   * @param floor `revision` as it was before the request
   * @throws HowdahError `corrupted` for a store that was rolled back or replaced
   */
  check(header: Header, floor: number): void {
    const seen = this.#seen;
    if (seen && seen.clusterId !== header.clusterId) {
      throw this.refusal(
        `it is another etcd cluster (${header.clusterId}) than the one seen before (${seen.clusterId})`,
      );
    }
    if (header.revision < floor) {
      throw this.refusal(
        `its revision ${header.revision} is below ${floor}, which was seen before: it was rolled back`,
      );
    }
    if (!seen || header.revision <= seen.revision) return;
    this.#seen = { ...seen, revision: header.revision };
    this.#writeSoon();
  }

  refusal(detail: string): HowdahError {
    return new HowdahError(
      'corrupted',
      `the store is refused, nothing is decided: ${detail}. Bring the newest copy of the store back. An older one must not be used while agents of its clusters run: it may undo promises. To accept it all the same, stop all control planes and all agents and remove ${this.#file} of each control plane`,
    );
  }

  /** Resolves when the file says all. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    this.#write();
    await this.#writing;
  }

  #writeSoon(): void {
    this.#timer ??= this.#clock.after(WRITE_EACH_MS, () => {
      this.#timer = null;
      this.#write();
    });
  }

  #write(): void {
    const seen = this.#seen;
    if (!seen) return;
    this.#writing = this.#writing.then(async () => {
      await writeFile(`${this.#file}.new`, `${JSON.stringify(seen)}\n`, { mode: 0o600 });
      await rename(`${this.#file}.new`, this.#file);
    });
    // What was seen stays known to this process: only a later one would notice less.
    this.#writing = this.#writing.catch((error: unknown) => {
      this.#log.error({ file: this.#file, err: error }, 'how far the store was seen to be could not be written');
    });
  }
}
