/**
 * One agent in virtual time: the production plan at the production pace over the PostgreSQL model. Every step takes
 * time, and the agent can die or freeze between any two.
 */
import { Lease } from '../../agent/lease.ts';
import { type Observed, type Override, withShown, withStarted } from '../../agent/observe/observed.ts';
import { type Creating, postgresState } from '../../agent/observe/report.ts';
import { delayMs, isSettled, isToldLater } from '../../agent/pace.ts';
import { cutsShort, isDeed, needsNoLook, reached, type Step } from '../../agent/plan.ts';
import type { Goal, LeadGoal } from '../../control-plane/model/goal.ts';
import type { GoalProgress, InstanceReport, PostgresState } from '../../control-plane/model/instance.ts';
import { formatLsn } from '../../control-plane/model/lsn.ts';
import type { ControlMessage } from '../../control-plane/runtime/agent-protocol.ts';
import type { Timer } from '../../control-plane/runtime/clock.ts';
import { type Doing, doingOf, hasShown } from './doing.ts';
import { Freezer } from './freezer.ts';
import type { Kernel } from './kernel.ts';
import type { PostgresModel } from './postgres-model.ts';
import { type ProcessClock, processClock } from './process-clock.ts';
import { RememberedHealth, RememberedPlan } from './remembered.ts';
import { sameReport } from './same-report.ts';

export interface AgentWorld {
  readonly kernel: Kernel;
  /** Hands a report to the agent's connection, if there is one. */
  report(agent: AgentModel, report: InstanceReport): void;
  sourceOf(instance: string): PostgresModel | undefined;
  promised(agent: AgentModel): void;
}

const REPLICATION_PORT = 6000;
const REPORT_EVERY_MS = 500;
const PIDS = { agent: 1, postgres: 1, envoy: 1 };
/** What is waited for is looked at this often, ms. */
const POLL_MS = 2;
/** A reload that PostgreSQL does not show is tried again after this long, ms. */
const RELOAD_LIMIT_MS = 2000;

/** The step under way, and what ends it: a time, or something to be seen. */
interface Underway {
  readonly kind: Step['kind'];
  readonly until: (() => boolean) | null;
}

export class AgentModel {
  readonly postgres: PostgresModel;
  readonly freezer: Freezer;
  readonly clock: ProcessClock;
  alive = false;
  bootId = '';
  /** What the agent holds and tells. */
  promisedEpoch = 0;
  /** Epoch of the newest goal to lead that this agent accepted. */
  leadEpoch = 0;
  /** The state directory's disk is slow: an fsync takes up to seconds. */
  slowDisk = false;
  /** What is on disk: all that the next boot knows. */
  #durableEpoch = 0;
  readonly #world: AgentWorld;
  #boots = 0;
  #seq = 0;
  #knocks = 0;
  #term = 0;
  #goal: { readonly id: string; readonly goal: Goal } | null = null;
  #status: GoalProgress['status'] = 'working';
  #detail = '';
  #underway: Underway | null = null;
  /** What the step under way writes to the settings. */
  #writes: Override | null = null;
  /** PostgreSQL has just shown what was written: known without another look. */
  #shown = false;
  #crashedUnderGoal = false;
  #lease = new Lease();
  #seen: Observed;
  #seenVersion = -1;
  readonly #plan = new RememberedPlan();
  readonly #health = new RememberedHealth();
  #state: PostgresState = { kind: 'absent' };
  #activeAt = 0;
  #sent: { readonly report: InstanceReport | null; readonly at: number } = { report: null, at: 0 };
  /** Something that a report tells may differ from the last one. */
  #news = true;
  #next: Timer | null = null;
  /** How soon a change of PostgreSQL is noticed, ms; null = it is looked at when the time comes. */
  #watchMs: number | null = null;
  /** Rises with each boot and each interrupted step. */
  #life = 0;

  constructor(postgres: PostgresModel, world: AgentWorld) {
    this.postgres = postgres;
    this.#world = world;
    this.freezer = new Freezer(world.kernel);
    this.clock = processClock(world.kernel, this.freezer, (action) => action());
    this.#seen = { ...postgres.observe(REPLICATION_PORT), leaseHeld: true };
    postgres.onCrash = () => {
      // A process is not taken for gone before its exit was handled, however late that is.
      this.#crashedUnderGoal = true;
      this.freezer.run(() => {
        if (!this.alive) return;
        this.#activeAt = this.clock.now();
        this.#look(false);
      });
    };
    postgres.onChange = () => this.#changed();
  }

  get name(): string {
    return this.postgres.name;
  }

  boot(): void {
    this.alive = true;
    this.bootId = `${this.name}#${++this.#boots}`;
    this.promisedEpoch = this.#durableEpoch;
    this.#goal = null;
    this.#underway = null;
    this.#life++;
    this.#seq = 0;
    this.#term = 0;
    this.#lease = new Lease();
    this.#sent = { report: null, at: 0 };
    this.#seenVersion = -1;
    this.#crashedUnderGoal = false;
    this.#activeAt = this.clock.now();
    this.#world.promised(this);
    this.#look(true);
    this.#heartbeat(this.#life);
  }

  /** kill -9 of the whole instance; `power`: its machine, with all that was not synced. */
  die(power: boolean): void {
    this.alive = false;
    this.#life++;
    this.#next?.cancel();
    this.freezer.thaw();
    this.postgres.die(power);
  }

  receive(message: ControlMessage): void {
    if (!this.alive) return;
    switch (message.kind) {
      case 'report-request':
        this.#look(true);
        break;
      case 'report-ack':
        this.#lease.acknowledged(message.seq, message.leaseMs);
        if (!this.#seen.leaseHeld) this.#look(false);
        break;
      case 'goal':
        if (message.term < this.#term) break;
        this.#term = message.term;
        this.#accept(message.id, message.goal);
        break;
    }
  }

  /** What the health endpoint answers to the Envoys that send writes of an epoch here. */
  isFit(epoch: number): boolean {
    return this.#health.isFit(epoch, this.#goal?.goal ?? null, this.#seen);
  }

  /** The control plane knocks, and is answered. */
  knocked(heard: string | null, leaseMs: number): string {
    const stamp = `${this.bootId}/${++this.#knocks}`;
    if (heard !== null) this.#lease.heard(heard, leaseMs);
    this.#lease.stamped(stamp, this.clock.now());
    return stamp;
  }

  /** For the end of a trace. */
  describe(): string {
    if (!this.alive) return 'dead';
    const { kind, ...server } = this.postgres.observe(REPLICATION_PORT).server;
    const details = JSON.stringify(server, (_key, value) => (typeof value === 'bigint' ? formatLsn(value) : value));
    const goal = this.#goal ? `${this.#goal.id} ${this.#status} (${this.#detail})` : 'no goal';
    return `promised ${this.promisedEpoch}, ${goal}; timeline ${this.#seen.timeline}, ${kind} ${details}`;
  }

  /** A connection was made: tell everything anew. */
  connected(): void {
    this.#report(true);
  }

  #accept(id: string, goal: Goal): void {
    if (this.#goal?.id !== id && this.#underway !== null && cutsShort(this.#underway.kind, goal)) {
      this.#underway = null;
      this.#writes = null;
      this.#life++;
      this.#heartbeat(this.#life);
    }
    if (goal.kind === 'lead' && goal.epoch >= this.promisedEpoch) this.leadEpoch = goal.epoch;
    this.#crashedUnderGoal = false;
    this.#seenVersion = -1;
    this.#activeAt = this.clock.now();
    this.#goal = { id, goal };
    this.#status = 'working';
    this.#news = true;
    this.#look(false);
  }

  /** Observes, plans, begins one step; looks again as soon as the production agent does. */
  #look(report: boolean): void {
    if (!this.alive) return;
    this.#next?.cancel();
    this.#watchMs = null;
    let again = REPORT_EVERY_MS;
    // While a step is under way nothing is observed, but that PostgreSQL ended.
    if (this.#crashedUnderGoal || !(this.#underway || this.#goesOn())) this.#observe();
    if (this.#goal && !this.#underway) again = this.#advance(this.#goal.goal);
    if (report || this.#crashedUnderGoal || !this.#underway || !isToldLater(this.#underway.kind)) this.#report(report);
    if (!this.#underway) this.#sleep(again);
  }

  /** The next step follows from what was seen last. */
  #goesOn(): boolean {
    const goal = this.#goal?.goal;
    if (!goal) return false;
    const shown = this.#shown;
    this.#shown = false;
    return needsNoLook(this.#plan.step(goal, this.promisedEpoch, this.#seen), goal, this.#seen, shown);
  }

  /** What it would find when it looks each few milliseconds is found when it happens, that much later at most. */
  #sleep(ms: number): void {
    const goal = this.#goal?.goal;
    const leftMs =
      goal?.kind === 'lead' && this.#seen.leaseHeld ? this.#lease.leftMs(goal, this.clock.now()) : REPORT_EVERY_MS;
    if (ms < REPORT_EVERY_MS) this.#watchMs = ms;
    // A moment late, as real timers are: virtual time must go on.
    this.#next = this.freezer.after(Math.min(REPORT_EVERY_MS, Math.max(leftMs, 0) + 0.01), () => this.#look(false));
  }

  /** Something of PostgreSQL is another now. */
  #changed(): void {
    const until = this.#underway?.until;
    const { random } = this.#world.kernel;
    if (until) {
      if (!this.alive || !until()) return;
      const { kind } = this.#underway!;
      this.#underway = { kind, until: null };
      this.#later(kind, 0, POLL_MS, () => {});
    } else if (this.#watchMs !== null && this.alive) {
      const ms = this.#watchMs;
      this.#watchMs = null;
      this.#next?.cancel();
      this.#next = this.freezer.after(random.between(0, ms), () => this.#look(false));
    }
  }

  /** Answers when to look again, ms. */
  #advance(goal: Goal): number {
    const step = this.#plan.step(goal, this.promisedEpoch, this.#seen);
    const detail = step.kind === 'wait' || step.kind === 'refuse' ? step.detail : step.kind;
    const status = reached(step) ? 'done' : step.kind === 'refuse' ? 'failed' : 'working';
    this.#news ||= detail !== this.#detail || status !== this.#status;
    this.#detail = detail;
    this.#status = status;
    this.#execute(step);
    return delayMs(
      goal.kind,
      reached(step) && isSettled(goal, this.#seen),
      step.kind,
      this.clock.now() - this.#activeAt,
    );
  }

  get #leadGoal(): LeadGoal | null {
    return this.#goal?.goal.kind === 'lead' ? this.#goal.goal : null;
  }

  #holdsLease(now: number): boolean {
    const goal = this.#leadGoal;
    return !goal || this.#lease.held(goal, now);
  }

  #observe(): void {
    const now = this.clock.now();
    const { version } = this.postgres;
    if (version === this.#seenVersion) {
      const leaseHeld = this.#holdsLease(now);
      if (leaseHeld !== this.#seen.leaseHeld) this.#seen = { ...this.#seen, leaseHeld };
      return;
    }
    this.#seenVersion = version;
    this.#news = true;
    const seen = this.postgres.observe(REPLICATION_PORT);
    const { server } = seen;
    const goal = this.#leadGoal;
    if (goal && server.kind === 'primary') this.#lease.looked(goal, server.replies, now);
    const leaseHeld = this.#holdsLease(now);
    const told = server.kind === 'stopped' ? { ...server, crashedUnderGoal: this.#crashedUnderGoal } : server;
    this.#seen = { ...seen, leaseHeld, server: told };
    this.#state = postgresState(told, null, this.#state);
  }

  #execute(step: Step): void {
    if (!isDeed(step)) return;
    if (step.kind === 'raise-promise') {
      this.#later(step.kind, 0.2, this.slowDisk ? 2000 : 4, () => {
        this.#durableEpoch = step.epoch;
        this.promisedEpoch = step.epoch;
        this.#news = true;
        this.#world.promised(this);
      });
      return;
    }
    if (step.kind === 'configure') this.#writes = step.override;
    if (step.kind === 'initdb' || step.kind === 'basebackup' || step.kind === 'rewind') this.#creates(step.kind);
    const { fromMs, toMs, effect } = doingOf(step, this.postgres, () => this.#world.sourceOf(this.name));
    this.#begin(step.kind, fromMs, toMs, () => {
      const until = effect();
      if (step.kind === 'start' && this.postgres.kind !== 'stopped')
        this.#seen = withStarted(this.#seen, step.override);
      return until;
    });
  }

  /** A step that makes or repairs the data directory, which is told meanwhile. */
  #creates(kind: Creating): void {
    this.#state = postgresState(this.#seen.server, kind, this.#state);
    this.#seenVersion = -1;
    this.#news = true;
  }

  #begin(kind: Step['kind'], fromMs: number, toMs: number, effect: Doing['effect']): void {
    this.#later(kind, fromMs, toMs, () => {
      const until = effect();
      if (until === null || until()) return;
      const underway = { kind, until };
      this.#underway = underway;
      if (kind !== 'configure') return;
      const life = this.#life;
      this.freezer.after(RELOAD_LIMIT_MS, () => {
        if (life === this.#life && this.#underway === underway) this.#ended();
      });
    });
  }

  #later(kind: Step['kind'], fromMs: number, toMs: number, effect: () => void): void {
    const life = this.#life;
    this.#underway = { kind, until: null };
    this.freezer.after(this.#world.kernel.random.between(fromMs, toMs), () => {
      if (life !== this.#life || !this.alive) return;
      this.#underway = null;
      effect();
      if (!this.#underway) this.#ended();
    });
  }

  #ended(): void {
    this.#underway = null;
    const override = this.#writes;
    this.#writes = null;
    const shown =
      override && this.postgres.kind === 'standby' && hasShown(this.postgres, override)
        ? withShown(this.#seen, override)
        : null;
    if (shown) {
      this.#seen = { ...shown, leaseHeld: this.#holdsLease(this.clock.now()) };
      this.#shown = true;
    }
    this.#activeAt = this.clock.now();
    this.#look(false);
  }

  #heartbeat(life: number): void {
    if (life !== this.#life || !this.alive) return;
    const due = this.#sent.at + REPORT_EVERY_MS - this.clock.now();
    if (due <= 0) this.#report(true);
    this.freezer.after(due <= 0 ? REPORT_EVERY_MS : due + 0.01, () => this.#heartbeat(life));
  }

  #report(unchangedToo: boolean): void {
    if (!unchangedToo && !this.#news) return;
    this.#news = false;
    const { systemId, timeline, history } = this.#seen;
    const report = {
      instance: this.name,
      bootId: this.bootId,
      seq: this.#seq + 1,
      promisedEpoch: this.promisedEpoch,
      term: this.#term,
      goal: this.#goal && { id: this.#goal.id, status: this.#status, detail: this.#detail },
      systemId,
      timeline,
      history,
      postgres: this.#state,
      pids: PIDS,
    };
    if (!unchangedToo && this.#sent.report && sameReport(report, this.#sent.report)) return;
    this.#sent = { report, at: this.clock.now() };
    this.#seq++;
    this.#lease.sent(this.#seq, this.#sent.at);
    this.#world.report(this, report);
  }
}
