/**
 * Runs the loop of one cluster: observe, decide, store, act; one step at a time, however many events come meanwhile.
 * Owns the effects; what to do is decided in decide().
 */
import { type ClusterRecord, HISTORY_LIMIT, memberNames } from '../model/cluster-record.ts';
import { HowdahError } from '../model/errors.ts';
import { type Goal, goalId } from '../model/goal.ts';
import { sameValue } from '../model/same-value.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Leadership } from '../store/leadership.ts';
import type { Store, Versioned } from '../store/store.ts';
import { decide } from './decide.ts';
import type { Change, Decision } from './decision.ts';
import { goalFor } from './goals.ts';
import type { Knock } from './knock.ts';
import { reduce } from './reduce.ts';
import { type ClusterState, initialState, liveReport, type Observation, observed } from './state.ts';

/** How the runner reaches agents. Both answer false when the agent is not connected. */
export interface AgentPort {
  sendGoal(instance: string, id: string, goal: Goal, term: number): boolean;
  askReport(instance: string): boolean;
}

/** A step that was asked for by a person; null = nothing to do now. Called with the newest state before decide(). */
export type Intent = (state: ClusterState, now: number) => Decision | null;

/** An intent and who waits for it to be stored. */
interface Asked {
  readonly intent: Intent;
  readonly settled: (error: HowdahError | null) => void;
}

export interface RunnerOptions {
  readonly stored: Versioned;
  /** In which it leads from the start; null: it follows. */
  readonly term: number | null;
  readonly leadership: Leadership;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly agents: AgentPort;
  readonly knock: Knock;
  /** After every step: what changed is to be routed and shown. */
  readonly onState: (state: ClusterState, reason: string) => void;
}

/** A goal that its instance has not been sent yet, or is to be sent again. */
interface DueGoal {
  readonly instance: string;
  readonly goal: Goal;
  readonly id: string;
}

/** A store that does not answer is asked again after this long, ms. */
const STORE_RETRY_MS = 500;
/** While a cluster takes no writes its record is read again this often, ms: another control plane may have gone on. */
const PROVE_EVERY_MS = 1000;

export class ClusterRunner {
  readonly #options: RunnerOptions;
  #state: ClusterState;
  #stored: Versioned;
  /** What the store told of last, without having been asked. */
  #told: Versioned | null = null;
  #reason = 'the control plane has just started';
  #queue: Observation[] = [];
  #asked: Asked[] = [];
  /** Whose decision is being stored. */
  #current: Asked | null = null;
  #running: Promise<void> | null = null;
  #again = false;
  #timer: Timer | null = null;
  #stopped = false;
  /** Of each instance's last goal. */
  readonly #ids = new Map<string, { readonly goal: Goal; readonly id: string }>();
  /** When the record was last known to be the store's newest. */
  #provenAt: number;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#stored = options.stored;
    this.#state = initialState(options.stored.record, options.clock.now(), options.term);
    this.#provenAt = options.clock.now();
  }

  get state(): ClusterState {
    return this.#state;
  }

  get reason(): string {
    return this.#reason;
  }

  /** This control plane begins to lead: `stored` was read after that, so nobody else changes it any more. */
  lead(stored: Versioned, term: number): void {
    this.#stored = stored;
    this.#provenAt = this.#options.clock.now();
    this.observe({ kind: 'leading', term, record: stored.record });
  }

  /** The store told of a record; whoever leads knows better. */
  noteStored(stored: Versioned): void {
    this.#told = stored;
    if (!this.leads()) void this.wake();
  }

  observe(observation: Observation): void {
    this.#queue.push(observation);
    void this.wake();
  }

  /** `settled` is called once: when what it decided is stored, or can't be. Never when it decided nothing. */
  intend(intent: Intent, settled: Asked['settled'] = () => {}): void {
    if (this.#stopped) {
      settled(stopping());
      return;
    }
    this.#asked.push({ intent, settled });
    void this.wake();
  }

  /** Makes a step soon; resolves when the steps under way are done. */
  wake(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#loop();
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
    for (const { settled } of this.#asked.splice(0)) settled(stopping());
  }

  async #loop(): Promise<void> {
    // Lets the caller's turn end first: several observations of one turn are one step.
    await Promise.resolve();
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        await this.#step();
      } catch (thrown) {
        await this.#recover(HowdahError.from(thrown));
      }
    }
    // In the same turn as the last look at #again: a wake-up in between would be lost.
    this.#running = null;
  }

  async #step(): Promise<void> {
    const { clock } = this.#options;
    for (const observation of this.#queue.splice(0)) this.#fold(observation);
    if (!this.leads()) return this.#follow();
    const decision = this.#intended() ?? decide(this.#state, clock.now());
    this.#reason = decision.reason;
    if (decision.change) return this.#change(decision, decision.change);
    let due: readonly DueGoal[] | undefined;
    if (this.#state.record !== this.#stored.record) {
      await this.#put(this.#state.record);
    } else {
      due = this.#goalsDue(decision.retry);
      if (this.#needsProof(due)) await this.#proveStored();
    }
    this.#current = null;
    this.#actIfLeading(decision, due);
  }

  async #change(decision: Decision, change: Change): Promise<void> {
    const { clock } = this.#options;
    await this.#put(withHistory(change, clock.wall()));
    this.#logChange(change);
    this.#current?.settled(null);
    this.#current = null;
    // The new phase may have its next step at once. If it hasn't, what follows from both is done in one go.
    const next = decide(this.#state, clock.now());
    if (next.change) this.#again = true;
    else this.#reason = next.reason;
    this.#actIfLeading(next.change ? decision : together(decision, next));
  }

  /** While the store was waited for it may have been stopped, replaced or frozen. */
  #actIfLeading(decision: Decision, due?: readonly DueGoal[]): void {
    if (this.#stopped) return;
    if (this.leads()) this.#act(decision, due);
    else this.#follow();
  }

  /** Asked before everything that reaches an agent: the clock may have gone on while this process was not let run. */
  leads(): boolean {
    return this.#state.term !== null && this.#state.term === this.#options.leadership.term();
  }

  /** Another one decides: what it stored and what the agents report is routed and shown, nothing else. */
  #follow(): void {
    for (const { settled } of this.#asked.splice(0)) settled(notLeading());
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#told && this.#told.revision > this.#stored.revision) this.#stored = this.#told;
    if (this.#state.record !== this.#stored.record) this.#fold({ kind: 'record', record: this.#stored.record });
    const { reason, change } = decide(this.#state, this.#options.clock.now());
    this.#reason = change ? `the control plane that leads is waited for: ${reason}` : reason;
    this.#options.onState(this.#state, this.#reason);
  }

  /**
   * What was stored a moment ago is known to be the newest. Else another control plane may have gone on meanwhile, and
   * a goal to lead from the record of before could let PostgreSQL wait for fewer than the store says.
   */
  #needsProof(due: readonly DueGoal[]): boolean {
    const { epoch, phase } = this.#state.record;
    const isOpen = phase.kind === 'active' && phase.gate === 'open';
    if (!isOpen && this.#options.clock.now() - this.#provenAt >= PROVE_EVERY_MS) return true;
    const isAhead = (instance: string) => (liveReport(this.#state, instance)?.promisedEpoch ?? 0) > epoch;
    return (
      due.some(({ goal }) => goal.kind === 'lead' || goal.kind === 'retire') ||
      memberNames(this.#state.record).some((name) => isAhead(name))
    );
  }

  async #proveStored(): Promise<void> {
    const live = await this.#options.store.get(this.#state.record.spec.name);
    this.#provenAt = this.#options.clock.now();
    if (live?.revision === this.#stored.revision) return;
    throw new HowdahError('conflict', `revision ${this.#stored.revision} is not the newest any more`);
  }

  #intended(): Decision | null {
    for (let asked = this.#asked.shift(); asked; asked = this.#asked.shift()) {
      const decision = asked.intent(this.#state, this.#options.clock.now());
      if (!decision) continue;
      this.#current = asked;
      if (this.#asked.length > 0) this.#again = true;
      return decision;
    }
    return null;
  }

  async #put(record: ClusterRecord): Promise<void> {
    const revision = await this.#options.store.put(record, this.#stored.revision);
    this.#stored = { record, revision };
    this.#provenAt = this.#options.clock.now();
    this.#fold({ kind: 'record', record });
  }

  /**
   * Never between a decision and its storing: the goals of the state before could take back what PostgreSQL confirmed and
   * the decision rests on.
   */
  #act(decision: Decision, due: readonly DueGoal[] = this.#goalsDue(decision.retry)): void {
    const { clock, agents, onState } = this.#options;
    for (const { instance, goal, id } of due) {
      if (agents.sendGoal(instance, id, goal, this.#state.term ?? 0)) {
        this.#fold({ kind: 'sent', instance, goalId: id });
      }
    }
    for (const instance of decision.retry) this.#fold({ kind: 'retried', instance });
    const asked = decision.ask.filter((instance) => agents.askReport(instance));
    if (asked.length > 0) this.#fold({ kind: 'asked', instances: asked });
    for (const instance of decision.knock) this.#knock(instance);
    onState(this.#state, this.#reason);
    this.#timer?.cancel();
    this.#timer = null;
    if (decision.wakeAt !== null && decision.change === null) {
      this.#timer = clock.after(Math.max(0, decision.wakeAt - clock.now()), () => void this.wake());
    }
  }

  #knock(instance: string): void {
    const { epoch, placements, spec } = this.#state.record;
    const { stamp } = observed(this.#state, instance).knocks;
    const placement = placements[instance];
    if (!placement) return;
    this.#fold({ kind: 'knocked', instance });
    const door = { placement, epoch, leaseMs: spec.failover.leaseMs, stamp };
    this.#options.knock(door, (sound) => this.observe({ kind: 'heard', instance, sound }));
  }

  /** The goals that connected agents have not been sent yet, or are to be sent again. */
  #goalsDue(retry: readonly string[]): DueGoal[] {
    const due: DueGoal[] = [];
    for (const instance of memberNames(this.#state.record)) {
      const { link, sentGoal } = observed(this.#state, instance);
      if (link.kind !== 'up') continue;
      const goal = goalFor(this.#state, instance, this.#options.clock.now());
      if (!goal) continue;
      const id = this.#idOf(instance, goal);
      if (sentGoal === id && !retry.includes(instance)) continue;
      if (!this.#isUnheard(instance, goal, id)) due.push({ instance, goal, id });
    }
    return due;
  }

  /** At most steps a goal is the same as before: its text is not made again. */
  #idOf(instance: string, goal: Goal): string {
    const last = this.#ids.get(instance);
    if (last && sameValue(last.goal, goal)) return last.id;
    const id = goalId(goal);
    this.#ids.set(instance, { goal, id });
    return id;
  }

  /**
   * One change of the voters at a time: while the one sent last is on its way, no other follows. Else the report of a
   * setting could be that of an earlier time when it was told, with another one in between yet to come.
   */
  #isUnheard(instance: string, goal: Goal, id: string): boolean {
    const { sentGoal } = observed(this.#state, instance);
    if (goal.kind !== 'lead' || !sentGoal?.startsWith(`e${goal.epoch}/lead/`)) return false;
    return sentGoal !== id && liveReport(this.#state, instance)?.goal?.id !== sentGoal;
  }

  #fold(observation: Observation): void {
    this.#state = reduce(this.#state, observation, this.#options.clock.now());
  }

  /** Nothing was acted on: what is stored is read again, and the step is made anew from it. */
  async #recover(error: HowdahError): Promise<void> {
    const { log, store, clock } = this.#options;
    const name = this.#state.record.spec.name;
    const asked = this.#current;
    this.#current = null;
    // Somebody else's step came first: what was asked for is judged again from there.
    if (asked && error.code === 'conflict') this.#asked.unshift(asked);
    else asked?.settled(error);
    this.#reason = `the store refused a step: ${error.message}`;
    if (error.code === 'conflict') {
      log.warn({ err: error }, 'another writer changed the record: it is read again');
      const stored = await store.get(name).catch(() => undefined);
      if (stored) {
        this.#stored = stored;
        this.#fold({ kind: 'record', record: stored.record });
        this.#again = true;
        return;
      }
    }
    log.error({ err: error }, 'a step could not be stored');
    this.#timer?.cancel();
    this.#timer = clock.after(STORE_RETRY_MS, () => void this.wake());
  }

  #logChange(change: Change): void {
    const { epoch, phase } = change.record;
    this.#options.log.info({ epoch, phase: phase.kind, decision: change.kind, reason: change.reason }, 'decided');
  }
}

/** What agents are to do of both; when to look again `later` says. */
function together(earlier: Decision, later: Decision): Decision {
  const all = (what: 'ask' | 'knock' | 'retry') => [...new Set([...earlier[what], ...later[what]])];
  return { ...later, ask: all('ask'), knock: all('knock'), retry: all('retry') };
}

function notLeading(): HowdahError {
  return new HowdahError('unavailable', 'this control plane does not lead any more: ask again in some seconds');
}

function stopping(): HowdahError {
  return new HowdahError('unavailable', 'the control plane is stopping');
}

function withHistory(change: Change, at: number): ClusterRecord {
  const { record, kind, reason } = change;
  const entry = { at, epoch: record.epoch, kind, reason, ...(change.change ? { change: change.change } : {}) };
  return { ...change.record, history: [...change.record.history, entry].slice(-HISTORY_LIMIT) };
}
