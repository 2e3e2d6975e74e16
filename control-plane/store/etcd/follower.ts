/**
 * Follows all keys of a prefix: reads them, watches for changes, and looks now and then whether the watch tells all. A
 * watch that broke or fell behind is begun anew by reading.
 */
import { HowdahError } from '../../model/errors.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { RangeAnswer } from './client.ts';
import type { Stored } from './messages.ts';
import type { Watch, WatchHandlers } from './watch.ts';

export interface FollowerOptions {
  read(): Promise<RangeAnswer>;
  readKeys(): Promise<RangeAnswer>;
  open(revision: number, handlers: WatchHandlers): Watch;
  /** What is watched at present does not serve. */
  moveOn(): void;
  /** Each key at first and after each change; `version` 0 = it is gone. The same may be told twice. */
  onChange(stored: Stored): void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What was told of a key last. */
interface Told {
  readonly version: number;
  readonly createRevision: number;
  readonly since: number;
}

const RETRY_MS = 250;
const CHECK_EACH_MS = 1_000;

export class Follower {
  readonly #options: FollowerOptions;
  /** Versions as last told, by key. */
  readonly #told = new Map<string, Told>();
  #watch: Watch | null = null;
  #timer: Timer | null = null;
  #stopped = false;
  #failing = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#begin();
  }

  stop(): void {
    this.#stopped = true;
    this.#watch?.close();
    this.#timer?.cancel();
  }

  async #begin(): Promise<void> {
    this.#watch?.close();
    this.#watch = null;
    try {
      const { header, found } = await this.#options.read();
      if (this.#stopped) return;
      this.#failing = false;
      const here = new Set(found.map(({ key }) => key));
      for (const key of [...this.#told.keys()]) {
        if (!here.has(key)) this.#tell({ key, value: '', version: 0, createRevision: 0, lease: '0' });
      }
      for (const stored of found) this.#tell(stored);
      const watch = this.#options.open(header.revision + 1, {
        onChange: (stored) => this.#tell(stored),
        onEnd: (reason) => {
          if (this.#watch === watch) this.#again(`the watch ended: ${reason}`);
        },
      });
      this.#watch = watch;
      this.#after(CHECK_EACH_MS, () => void this.#check());
    } catch (error) {
      this.#again(HowdahError.from(error).message);
    }
  }

  /** A watch can be silent because nothing happens, or because nothing comes through any more. */
  async #check(): Promise<void> {
    const watch = this.#watch;
    const askedAt = this.#options.clock.now();
    const next = () => this.#after(CHECK_EACH_MS, () => void this.#check());
    try {
      const { found } = await this.#options.readKeys();
      if (this.#stopped || this.#watch !== watch) return;
      if (!this.#isBehind(found, askedAt)) return next();
      // What was just stored may be on its way.
      this.#after(RETRY_MS, () => {
        if (!this.#isBehind(found, askedAt)) return next();
        this.#options.moveOn();
        this.#again('the watch is behind the store');
      });
    } catch (error) {
      if (this.#watch === watch) this.#again(HowdahError.from(error).message);
    }
  }

  #isBehind(found: readonly Stored[], askedAt: number): boolean {
    const here = new Set(found.map(({ key }) => key));
    const isRemoved = ([key, { since }]: [string, Told]) => !here.has(key) && since < askedAt;
    return found.some((stored) => this.#isNews(stored)) || [...this.#told].some(isRemoved);
  }

  #again(reason: string): void {
    if (this.#stopped) return;
    // Said once, not at each of the attempts that follow.
    const level = this.#failing ? 'debug' : 'warn';
    this.#failing = true;
    this.#options.log[level]({ reason }, 'store: changes are not followed at present; read anew');
    this.#watch?.close();
    this.#watch = null;
    this.#after(RETRY_MS, () => void this.#begin());
  }

  #after(ms: number, action: () => void): void {
    this.#timer?.cancel();
    if (!this.#stopped) this.#timer = this.#options.clock.after(ms, action);
  }

  #isNews({ key, version, createRevision }: Stored): boolean {
    const told = this.#told.get(key);
    return !told || told.version < version || told.createRevision < createRevision;
  }

  #tell(stored: Stored): void {
    if (stored.version === 0) this.#told.delete(stored.key);
    else
      this.#told.set(stored.key, {
        version: stored.version,
        createRevision: stored.createRevision,
        since: this.#options.clock.now(),
      });
    this.#options.onChange(stored);
  }
}
