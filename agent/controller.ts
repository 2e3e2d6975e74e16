/**
 * The agent's loop: observe, plan, apply one step, report; again on each event (a goal, PostgreSQL's exit, a timer).
 * One thing at a time; a newer goal cuts short what only waits or copies.
 */
import { type Goal, goalId } from '../control-plane/model/goal.ts';
import type { GoalProgress, InstanceReport, PostgresState } from '../control-plane/model/instance.ts';
import { formatLsn } from '../control-plane/model/lsn.ts';
import type { ControlMessage } from '../control-plane/runtime/agent-protocol.ts';
import type { Clock, Timer } from '../control-plane/runtime/clock.ts';
import type { Component } from '../control-plane/runtime/component.ts';
import type { Logger } from '../control-plane/runtime/logger.ts';
import type { Applier } from './apply.ts';
import type { Standing } from './envoy/cache/cached-resources.ts';
import { type Failure, failed } from './failure.ts';
import { Lease } from './lease.ts';
import { type Observed, type Override, withShown, withStarted } from './observe/observed.ts';
import type { Observer } from './observe/observer.ts';
import { type Creating, postgresState } from './observe/report.ts';
import { delayMs, hasTime, isSettled, isToldLater, restMs, retryMs } from './pace.ts';
import { cutsShort, type Deed, isDeed, needsNoLook, plan, reached, type Step } from './plan.ts';
import type { PostgresServer, ServerExit } from './postgres/server.ts';
import type { SettingsKeeper } from './postgres/settings-keeper.ts';
import type { PromiseStore } from './promise.ts';
import { WakeUp } from './wake-up.ts';

export interface ControllerOptions {
  readonly instance: string;
  readonly bootId: string;
  readonly replicationPort: number;
  readonly observer: Observer;
  readonly applier: Applier;
  readonly server: PostgresServer;
  readonly promise: Pick<PromiseStore, 'epoch'>;
  readonly settings: Pick<SettingsKeeper, 'take' | 'check' | 'report'>;
  readonly envoyPid: () => number;
  readonly send: (report: InstanceReport) => void;
  readonly onReached: (goal: Goal) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

const REPORT_EACH_MS = 500;
const FAST_STOP_LIMIT_MS = 20_000;

export class Controller implements Component {
  readonly name = 'controller';
  readonly #options: ControllerOptions;
  readonly #wake: WakeUp;
  readonly #lease = new Lease();
  #goal: Goal | null = null;
  /** Of the control plane that the newest goal came from. */
  #term = 0;
  #progress: GoalProgress | null = null;
  #observed: Observed;
  #state: PostgresState = { kind: 'absent' };
  #creating: Creating | null = null;
  #running: { readonly step: Deed; readonly abort: AbortController } | null = null;
  #failure: Failure | null = null;
  #crashes = 0;
  #startedAt = 0;
  /** PostgreSQL crashed: nothing is looked at before. */
  #restsUntil = 0;
  #activityAt = 0;
  #streamedAt = Number.NEGATIVE_INFINITY;
  #seq = 0;
  #knocks = 0;
  #sent = { content: '', at: 0 };
  #reportWanted = false;
  #reportTimer: Timer | undefined;
  #stopping = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#wake = new WakeUp(options.clock);
    const { instance, replicationPort } = options;
    this.#observed = {
      instance,
      replicationPort,
      systemId: '',
      timeline: 0,
      history: [],
      server: { kind: 'absent' },
      leaseHeld: true,
    };
  }

  get goal(): Goal | null {
    return this.#goal;
  }

  get observed(): Observed {
    return this.#observed;
  }

  /** What of an earlier configuration its Envoy may still be given. */
  get standing(): Standing {
    const { goal } = this;
    const { server, leaseHeld } = this.#observed;
    const writable =
      goal?.kind === 'lead' &&
      server.kind === 'primary' &&
      leaseHeld &&
      this.#lease.held(goal, this.#options.clock.now());
    return { promisedEpoch: this.#options.promise.epoch, writableEpoch: writable ? goal.epoch : 0 };
  }

  /** Since PostgreSQL was last seen receiving WAL; 0 while it does. */
  get silentMs(): number {
    return this.#options.clock.now() - this.#streamedAt;
  }

  /** Observes once, so that the first report is true, and begins the loop. */
  async start(): Promise<void> {
    this.#see(await this.#options.observer.observe());
    this.#loop = this.#run();
    this.#keepReporting();
  }

  /** Ends the loop, then PostgreSQL: fast, and when that takes too long at once. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#reportTimer?.cancel();
    this.#running?.abort.abort();
    this.#wake.wake();
    const { clock, server } = this.#options;
    const timer = clock.after(FAST_STOP_LIMIT_MS, () => void server.stop('immediate'));
    await server.stop('fast');
    await this.#loop;
    // A start that was under way when the loop ended.
    await server.stop('fast');
    timer.cancel();
  }

  handle(message: ControlMessage): void {
    switch (message.kind) {
      case 'goal':
        this.#take(message.goal, message.term);
        break;
      case 'report-request':
        this.#reportWanted = true;
        this.#wake.wake();
        break;
      case 'settings':
        this.#options.settings.take(message.settings);
        break;
      case 'check-settings':
        this.#options.settings.check(message.id, message.parameters);
        break;
      case 'report-ack':
        this.#lease.acknowledged(message.seq, message.leaseMs);
        if (!this.#observed.leaseHeld) this.#wake.wake();
        break;
    }
  }

  /**
   * The control plane knocks, because it hears nothing of us.
   * @param heard stamp of an answer of ours that reached it; null = none did. Answers the stamp of this one.
   */
  knocked(heard: string | null, leaseMs: number): string {
    const stamp = `${this.#options.bootId}/${++this.#knocks}`;
    if (heard !== null) this.#lease.heard(heard, leaseMs);
    if (!this.#observed.leaseHeld) this.#wake.wake();
    this.#lease.stamped(stamp, this.#options.clock.now());
    return stamp;
  }

  /** The control plane can hear again: it is told everything. */
  reportNow(): void {
    this.#report(true);
  }

  /** To be called by the server's exit handler, before anything else runs. */
  noteExit(exit: ServerExit): void {
    const { clock, log, observer } = this.#options;
    const server = observer.noteExit(exit);
    log[exit.requested ? 'info' : 'warn']({ code: exit.code, signal: exit.signal }, 'PostgreSQL ended');
    this.#activity();
    if (!exit.requested) {
      const ranMs = clock.now() - this.#startedAt;
      this.#crashes = ranMs > 30_000 ? 1 : this.#crashes + 1;
      this.#restsUntil = clock.now() + restMs(this.#goal);
      this.#see({ ...this.#observed, server });
      if (this.#goal) this.#setProgress(this.#goal, plan(this.#goal, this.#options.promise.epoch, this.#observed));
      this.#report(false);
    }
    this.#wake.wake();
  }

  #take(goal: Goal, term: number): void {
    if (term < this.#term) {
      // Its sender does not know yet that another one leads.
      this.#options.log.warn({ goal: goalId(goal), term, newest: this.#term }, 'goal of an older term ignored');
      return;
    }
    this.#term = term;
    const same = this.#goal !== null && goalId(this.#goal) === goalId(goal);
    this.#goal = goal;
    this.#failure = null;
    this.#options.observer.noteGoal();
    // Nobody else takes over.
    if (goal.kind === 'lead') this.#restsUntil = 0;
    this.#activity();
    if (!same) {
      this.#options.log.info({ goal: goalId(goal), epoch: goal.epoch }, 'goal');
      this.#progress = { id: goalId(goal), status: 'working', detail: '' };
      if (this.#running && cutsShort(this.#running.step.kind, goal)) this.#running.abort.abort();
    }
    this.#wake.wake();
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      let waitMs: number;
      try {
        waitMs = await this.#turn();
      } catch (error) {
        this.#options.log.error({ err: error }, 'the instance cannot be observed');
        if (this.#goal) this.#fail(this.#goal, error instanceof Error ? error.message : String(error));
        waitMs = REPORT_EACH_MS;
      }
      if (waitMs > 0 || this.#reportWanted) this.#report(this.#reportWanted);
      if (!this.#stopping) await this.#wake.sleep(waitMs);
    }
  }

  /** One round; answers how long to wait for the next. */
  async #turn(): Promise<number> {
    const { clock, promise } = this.#options;
    const rest = this.#restsUntil - clock.now();
    if (rest > 0) return rest;
    if (!(await this.#observe())) return 0;
    const goal = this.#goal;
    if (!goal) return REPORT_EACH_MS;
    const step = plan(goal, promise.epoch, this.#observed);
    this.#setProgress(goal, step);
    const now = clock.now();
    const quietMs = now - this.#activityAt;
    if (!isDeed(step) || hasTime(step, quietMs)) {
      const settled = reached(step) && isSettled(goal, this.#observed);
      const delay = delayMs(goal.kind, settled, step.kind, quietMs);
      // A lease that ends is looked at when it ends.
      const left = goal.kind === 'lead' && this.#observed.leaseHeld ? this.#lease.leftMs(goal, now) : delay;
      return Math.min(delay, Math.max(left, 0));
    }
    const notBefore = this.#notBefore(step);
    if (notBefore > now) return Math.min(REPORT_EACH_MS, notBefore - now);
    if (await this.#apply(goal, step)) await this.#goOn(true);
    if (!isToldLater(step.kind)) this.#report(false);
    return 0;
  }

  /**
   * Looks; false when a goal arrived meanwhile and one has to look again. A promise, and the stop of a primary before
   * it, wait for no observation: a frozen PostgreSQL must not hold them up. Nor does what is written because of it.
   */
  async #observe(): Promise<boolean> {
    let fresh = true;
    await this.#goOn(false);
    const observing = this.#options.observer.observe().then((observed) => this.#see(observed));
    for (;;) {
      const goal = this.#goal;
      if (await this.#wake.untilDoneOrWoken(observing)) return fresh;
      if (this.#goal === goal) continue;
      fresh = false;
      await this.#promise();
    }
  }

  /** Takes the steps that need no other look. `shown`: PostgreSQL has just shown what was configured. */
  async #goOn(shown: boolean): Promise<void> {
    for (let isShown = shown; this.#goal && !this.#stopping; ) {
      const goal = this.#goal;
      const step = plan(goal, this.#options.promise.epoch, this.#observed);
      if (!needsNoLook(step, goal, this.#observed, isShown) || !isDeed(step)) return;
      if (this.#notBefore(step) > this.#options.clock.now()) return;
      isShown = await this.#apply(goal, step);
      if (step.kind !== 'raise-promise' && !isShown) return;
    }
  }

  async #promise(): Promise<void> {
    if (!this.#goal) return;
    const { promise } = this.#options;
    const step = plan(this.#goal, promise.epoch, this.#observed);
    const ends = step.kind === 'stop' && this.#goal.epoch > promise.epoch;
    if (ends || step.kind === 'raise-promise') await this.#apply(this.#goal, step);
  }

  /** Answers whether PostgreSQL showed what was configured: then that is known without another look. */
  async #apply(goal: Goal, step: Deed): Promise<boolean> {
    const { applier, clock, log, server } = this.#options;
    const abort = new AbortController();
    this.#running = { step, abort };
    this.#creating = step.kind === 'initdb' || step.kind === 'basebackup' || step.kind === 'rewind' ? step.kind : null;
    if (step.kind === 'start') this.#startedAt = clock.now();
    const beginAt = clock.now();
    this.#see(this.#observed);
    if (this.#creating) this.#report(false);
    try {
      const shown = await applier.apply(step, abort.signal);
      this.#failure = null;
      // A fence that comes now must not take it for stopped.
      if (step.kind === 'start' && server.pid !== 0) this.#see(withStarted(this.#observed, step.override));
      log.debug({ step: step.kind, goal: goal.kind, ms: Math.round(clock.now() - beginAt), epoch: goal.epoch }, 'step');
      return shown && step.kind === 'configure' && this.#showed(step.override);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      if (abort.signal.aborted) log.info({ step: step.kind }, 'step cut short');
      else this.#failed(goal, step, detail);
      return false;
    } finally {
      this.#running = null;
      this.#creating = null;
      this.#activity();
    }
  }

  /** False: what runs by now is no standby. */
  #showed(override: Override): boolean {
    const observed = withShown(this.#observed, override);
    if (observed) this.#see(observed);
    return observed !== null;
  }

  #failed(goal: Goal, step: Deed, detail: string): void {
    const { clock, log } = this.#options;
    this.#failure = failed(this.#failure, goal.kind, step.kind, detail, clock.now());
    log.warn({ step: step.kind, detail, count: this.#failure.count, epoch: goal.epoch }, 'step failed');
  }

  #notBefore(step: Deed): number {
    const afterFailure = this.#failure?.step === step.kind ? this.#failure.retryAt : 0;
    const afterCrash = step.kind === 'start' && this.#crashes > 0 ? this.#startedAt + retryMs(this.#crashes) : 0;
    return Math.max(afterFailure, afterCrash);
  }

  #see(seen: Omit<Observed, 'leaseHeld'>): void {
    const now = this.#options.clock.now();
    const goal = this.#goal?.kind === 'lead' ? this.#goal : null;
    if (goal && seen.server.kind === 'primary') this.#lease.looked(goal, seen.server.replies, now);
    const observed: Observed = { ...seen, leaseHeld: !goal || this.#lease.held(goal, now) };
    if (observed.server.kind !== this.#observed.server.kind) this.#activity();
    if (observed.server.kind === 'standby' && observed.server.walReceiver === 'streaming') {
      this.#streamedAt = this.#options.clock.now();
    }
    this.#observed = observed;
    this.#state = postgresState(observed.server, this.#creating, this.#state);
  }

  #setProgress(goal: Goal, step: Step): void {
    const id = goalId(goal);
    const before = this.#progress;
    if (reached(step)) this.#progress = { id, status: 'done', detail: '' };
    else if (step.kind === 'refuse') this.#progress = { id, status: 'failed', detail: step.detail };
    else if (step.kind === 'wait') this.#progress = { id, status: 'working', detail: step.detail };
    else if (this.#failure?.step === step.kind) {
      this.#progress = { id, status: 'failed', detail: this.#failure.detail };
    } else this.#progress = { id, status: 'working', detail: step.kind };
    if (before?.id === id && before.status === this.#progress.status) return;
    if (this.#progress.status === 'done') this.#options.onReached(goal);
    const level = this.#progress.status === 'failed' ? 'warn' : 'info';
    this.#options.log[level]({ goal: id, status: this.#progress.status, detail: this.#progress.detail }, 'goal status');
  }

  #fail(goal: Goal, detail: string): void {
    this.#progress = { id: goalId(goal), status: 'failed', detail };
  }

  #activity(): void {
    this.#activityAt = this.#options.clock.now();
  }

  /** Also while a step takes long or PostgreSQL doesn't answer. */
  #keepReporting(): void {
    const { clock } = this.#options;
    if (this.#stopping) return;
    const dueMs = this.#sent.at + REPORT_EACH_MS - clock.now();
    if (dueMs <= 0) this.#report(true);
    this.#reportTimer = clock.after(dueMs <= 0 ? REPORT_EACH_MS : dueMs, () => this.#keepReporting());
  }

  #report(unchangedToo: boolean): void {
    const { bootId, clock, envoyPid, instance, promise, send, server, settings } = this.#options;
    const { history, systemId, timeline } = this.#observed;
    const pids = { agent: process.pid, postgres: server.pid, envoy: envoyPid() };
    const report = {
      ...{ instance, bootId, promisedEpoch: promise.epoch, term: this.#term, goal: this.#progress },
      ...{ systemId, timeline, history, postgres: this.#state, pids, settings: settings.report },
    };
    const content = JSON.stringify(report, (_key, value) => (typeof value === 'bigint' ? formatLsn(value) : value));
    if (content === this.#sent.content && !unchangedToo) return;
    this.#reportWanted = false;
    this.#sent = { content, at: clock.now() };
    this.#seq += 1;
    this.#lease.sent(this.#seq, this.#sent.at);
    send({ ...report, seq: this.#seq });
  }
}
