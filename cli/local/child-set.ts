/** All children of one `up`: their record on disk, and ending some of them within a limit. */
import { join } from 'node:path';
import type { Clock } from '../../control-plane/runtime/clock.ts';
import type { Logger } from '../../control-plane/runtime/logger.ts';
import { type ChildExit, SupervisedChild } from './child.ts';
import { type RecordedChild, removeChildren, writeChildren } from './children-file.ts';
import { nodeFlags, type Program, programFile } from './entry.ts';
import type { StateLayout } from './layout.ts';
import { descendants, identify, signal, waitUntilGone } from './processes.ts';

/** What outlives an agent (its PostgreSQL is told to end by the kernel) gets this long. */
const ORPHAN_LIMIT_MS = 5_000;

export interface ChildSetOptions {
  readonly layout: StateLayout;
  readonly clock: Clock;
  readonly log: Logger;
  onUnexpectedExit(child: SupervisedChild, exit: ChildExit, quickExits: number): void;
}

export class ChildSet {
  readonly #options: ChildSetOptions;
  readonly #children: SupervisedChild[] = [];
  readonly #hurry = Promise.withResolvers<void>();

  constructor(options: ChildSetOptions) {
    this.#options = options;
  }

  get children(): readonly SupervisedChild[] {
    return this.#children;
  }

  logFile(name: string): string {
    return join(this.#options.layout.logDirectory, `${name}.log`);
  }

  /** One of our own programs. */
  start(name: string, program: Program, args: readonly string[]): SupervisedChild {
    return this.startCommand(name, [process.execPath, ...nodeFlags(program), programFile(program), ...args]);
  }

  startCommand(name: string, command: readonly string[]): SupervisedChild {
    const { clock, log, onUnexpectedExit } = this.#options;
    const child = new SupervisedChild(
      { name, command, logFile: this.logFile(name) },
      { clock, log, onChange: () => this.#record(), onUnexpectedExit },
    );
    this.#children.push(child);
    child.start();
    return child;
  }

  /** One that was stopped for good: its name may be given again. */
  remove(child: SupervisedChild): void {
    const index = this.#children.indexOf(child);
    if (index >= 0) this.#children.splice(index, 1);
  }

  /** From now on nothing is waited for: every stop ends with SIGKILL at once. */
  hurry(): void {
    this.#hurry.resolve();
  }

  /** SIGTERM to all of them together; SIGKILL to what remains after the limit, and to what descends from it. */
  async stop(children: readonly SupervisedChild[], limitMs: number): Promise<void> {
    const below = children.filter(({ pid }) => pid !== 0).flatMap(({ pid }) => descendants(pid));
    const ended = Promise.all(children.map((child) => child.stop('SIGTERM')));
    const limit = Promise.withResolvers<'late'>();
    const timer = this.#options.clock.after(limitMs, () => limit.resolve('late'));
    const outcome = await Promise.race([ended, limit.promise, this.#hurry.promise.then(() => 'late' as const)]);
    timer.cancel();
    if (outcome === 'late') {
      const late = children.filter(({ pid }) => pid !== 0).map(({ name }) => name);
      if (late.length > 0) this.#options.log.warn({ processes: late }, 'processes did not stop in time and are killed');
      await Promise.all(children.map((child) => child.stop('SIGKILL')));
    }
    const orphans = await waitUntilGone(below, ORPHAN_LIMIT_MS, this.#options.clock);
    for (const orphan of orphans) signal(orphan, 'SIGKILL');
    await waitUntilGone(orphans, ORPHAN_LIMIT_MS, this.#options.clock);
  }

  /** Everything has ended: nothing is left for the next run to wait for. */
  forget(): void {
    removeChildren(this.#options.layout.childrenFile);
  }

  #record(): void {
    const running = this.#children.flatMap(({ name, pid }): RecordedChild[] => {
      const identity = pid === 0 ? undefined : identify(pid);
      return identity === undefined ? [] : [{ name, ...identity }];
    });
    writeChildren(this.#options.layout.childrenFile, running);
  }
}
