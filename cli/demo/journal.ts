/**
 * The story of a demo, line by line: what was done, what the control plane decided and what came of it, each with its
 * time since the act began. What is learned late stands in its right place all the same: lines wait a moment.
 */
import type { HistoryEntryStatus } from '../../control-plane/api/contract.ts';
import type { Clock } from '../../control-plane/runtime/clock.ts';
import type { Colors } from '../output/colors.ts';
import { formatDuration } from '../output/units.ts';
import type { Screen } from './screen.ts';

/** Nothing is learned later than this, ms. */
const SETTLED_MS = 250;
const TIME_COLUMNS = 10;
const KIND_COLUMNS = 13;

interface Entry {
  /** Wall clock, as the history has it. */
  readonly at: number;
  readonly text: string;
}

export class Journal {
  readonly #screen: Screen;
  readonly #colors: Colors;
  readonly #clock: Clock;
  #zero: number;
  #waiting: Entry[] = [];
  readonly #decided = new Set<string>();

  constructor(screen: Screen, colors: Colors, clock: Clock) {
    this.#screen = screen;
    this.#colors = colors;
    this.#clock = clock;
    this.#zero = clock.wall();
  }

  /** Times are told from now on, or from `zero` (wall clock). */
  act(title: string, zero = this.#clock.wall()): void {
    this.flush();
    this.#zero = zero;
    this.#screen.line('');
    this.#screen.line(this.#colors.bold(title));
  }

  /** @param at wall clock; default now */
  event(kind: string, text: string, at = this.#clock.wall()): void {
    this.#waiting.push({ at, text: `${this.#colors.cyan(kind.padEnd(KIND_COLUMNS))}${text}` });
  }

  /** Each decision is told once, however often it is read. */
  decision({ at, epoch, kind, reason }: HistoryEntryStatus): void {
    const key = `${at} ${epoch} ${kind} ${reason}`;
    if (this.#decided.has(key)) return;
    this.#decided.add(key);
    this.#waiting.push({ at, text: `${this.#colors.magenta(kind.padEnd(KIND_COLUMNS))}${reason}` });
  }

  /** What an act showed. */
  result(text: string): void {
    this.flush();
    this.#screen.line(`  ${this.#colors.green('✓')} ${text}`);
  }

  failure(text: string): void {
    this.flush();
    this.#screen.line(`  ${this.#colors.red('✗')} ${text}`);
  }

  /** Writes what nothing can come before any more; to be called often. */
  settle(): void {
    this.#write(this.#clock.wall() - SETTLED_MS);
  }

  flush(): void {
    this.#write(Number.POSITIVE_INFINITY);
  }

  #write(until: number): void {
    const due = this.#waiting.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
    this.#waiting = this.#waiting.filter(({ at }) => at > until);
    for (const { at, text } of due) {
      const time = `+${formatDuration(Math.max(0, at - this.#zero))}`.padStart(TIME_COLUMNS);
      this.#screen.line(`${this.#colors.dim(time)}  ${text}`);
    }
  }
}
