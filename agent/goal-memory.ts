/**
 * Lets a standby come back while no control plane is there: it goes on following whom it followed last.
 *
 * What makes that safe is the promise. As long as this agent has promised no later epoch it would not have done anything
 * else if it had run all the time, and q voters that did promise one are enough to leave the old primary without k. Once
 * it has promised one, the goal that is kept here is refused like any other of an earlier epoch. Only following is kept:
 * - a primary that crashed shows commits after its recovery that no standby has, and nobody is there to shut the routes;
 * - nothing is copied or rewound, because what the primary is ready for is not known.
 */
import { readFile, rm } from 'node:fs/promises';
import { type FollowGoal, type Goal, goalId } from '../control-plane/model/goal.ts';
import type { Clock, Timer } from '../control-plane/runtime/clock.ts';
import type { Component } from '../control-plane/runtime/component.ts';
import type { Logger } from '../control-plane/runtime/logger.ts';
import { goalText, readGoalText } from './goal-text.ts';
import { writeWhole } from './postgres/files.ts';

export interface GoalMemoryOptions {
  readonly file: string;
  /** A control plane can be heard. */
  readonly isConnected: () => boolean;
  readonly hasGoal: () => boolean;
  readonly follow: (goal: FollowGoal) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** So long a control plane has for its first word; one that is there takes some milliseconds. */
export const ALONE_AFTER_MS = 2_000;

/** Not while the write could keep commits of a new primary waiting for the disk. */
const KEEP_AFTER_MS = 1_000;

export class GoalMemory implements Component {
  readonly name = 'goal-memory';
  readonly #options: GoalMemoryOptions;
  /** Id of the goal that is kept or about to be. */
  #kept = '';
  #waiting: Timer | undefined;
  #keeping: Timer | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(options: GoalMemoryOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const goal = await this.#read();
    if (goal) this.#wait(goal);
  }

  async stop(): Promise<void> {
    this.#waiting?.cancel();
    this.#keeping?.cancel();
    await this.#last;
  }

  /** A goal is reached. One that is no longer to follow is forgotten: it may keep the instance out on purpose. */
  reached(goal: Goal): void {
    const { clock, file } = this.#options;
    const id = goal.kind === 'follow' ? goalId(goal) : '';
    if (id !== '' && id === this.#kept) return;
    this.#kept = id;
    this.#keeping?.cancel();
    if (goal.kind !== 'follow') this.#do(() => rm(file, { force: true }));
    else this.#keeping = clock.after(KEEP_AFTER_MS, () => this.#do(() => writeWhole(file, goalText(goal), null)));
  }

  #do(action: () => Promise<void>): void {
    this.#last = this.#last.then(action).catch((error: unknown) => {
      this.#options.log.warn({ err: error }, 'whom the instance follows could not be kept');
    });
  }

  #wait(goal: FollowGoal): void {
    const { clock, follow, hasGoal, isConnected, log } = this.#options;
    this.#waiting = clock.after(ALONE_AFTER_MS, () => {
      if (hasGoal()) return;
      // It may go away again before it said anything.
      if (isConnected()) return this.#wait(goal);
      log.warn({ epoch: goal.epoch, primary: goal.primary }, 'no control plane: the instance follows as it did');
      follow(goal);
    });
  }

  async #read(): Promise<FollowGoal | undefined> {
    const { file, log } = this.#options;
    try {
      const goal = readGoalText(await readFile(file, 'utf8'));
      if (!goal) log.warn({ file }, 'whom the instance followed is unreadable; it waits for a control plane');
      return goal;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }
}
