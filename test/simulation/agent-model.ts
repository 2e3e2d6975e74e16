/**
 * One agent in virtual time: the production plan at the production pace over the PostgreSQL model. Every step takes
 * time, and the agent can die or freeze between any two.
 */
import { Lease } from '../../agent/lease.ts';
import type { Observed } from '../../agent/observe/observed.ts';
import { delayMs, isSettled } from '../../agent/pace.ts';
import { plan, reached, type Step } from '../../agent/plan.ts';
import type { Goal } from '../../control-plane/model/goal.ts';
import type { GoalProgress, InstanceReport, PostgresState } from '../../control-plane/model/instance.ts';
import { formatLsn } from '../../control-plane/model/lsn.ts';
import type { ControlMessage } from '../../control-plane/runtime/agent-protocol.ts';
import type { Timer } from '../../control-plane/runtime/clock.ts';
import { Freezer } from './freezer.ts';
import type { Kernel } from './kernel.ts';
import type { PostgresModel } from './postgres-model.ts';

export interface AgentWorld {
  readonly kernel: Kernel;
  /** Hands a report to the agent's connection, if there is one. */
  report(agent: AgentModel, report: InstanceReport): void;
  sourceOf(instance: string): PostgresModel | undefined;
  promised(agent: AgentModel, epoch: number): void;
}

const REPLICATION_PORT = 6000;
const REPORT_EVERY_MS = 500;

export class AgentModel {
  readonly postgres: PostgresModel;
  readonly freezer: Freezer;
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
  #goal: { readonly id: string; readonly goal: Goal } | null = null;
  #status: GoalProgress['status'] = 'working';
  #detail = '';
  #busy: Step['kind'] | null = null;
  #crashedUnderGoal = false;
  #lease = new Lease();
  #seen: Observed;
  #activeAt = 0;
  #sent = { content: '', at: 0 };
  #next: Timer | null = null;
  /** Rises with each boot and each interrupted step. */
  #life = 0;

  constructor(postgres: PostgresModel, world: AgentWorld) {
    this.postgres = postgres;
    this.#world = world;
    this.freezer = new Freezer(world.kernel);
    this.#seen = { ...postgres.observe(REPLICATION_PORT), leaseHeld: true };
    postgres.onCrash = () => {
      // A process is not taken for gone before its exit was handled, however late that is.
      this.#crashedUnderGoal = true;
      this.freezer.run(() => {
        if (!this.alive) return;
        this.#activeAt = world.kernel.now;
        this.#look(false);
      });
    };
  }

  get name(): string {
    return this.postgres.name;
  }

  boot(): void {
    this.alive = true;
    this.bootId = `${this.name}#${++this.#boots}`;
    this.promisedEpoch = this.#durableEpoch;
    this.#goal = null;
    this.#busy = null;
    this.#life++;
    this.#seq = 0;
    this.#lease = new Lease();
    this.#sent = { content: '', at: 0 };
    this.#crashedUnderGoal = false;
    this.#activeAt = this.#world.kernel.now;
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
        this.#accept(message.id, message.goal);
        break;
    }
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
    // Copying from the primary is given up for what can't wait.
    if (goal.kind !== 'follow' && (this.#busy === 'basebackup' || this.#busy === 'rewind')) {
      this.#busy = null;
      this.#life++;
      this.#heartbeat(this.#life);
    }
    if (goal.kind === 'lead' && goal.epoch >= this.promisedEpoch) this.leadEpoch = goal.epoch;
    this.#crashedUnderGoal = false;
    this.#activeAt = this.#world.kernel.now;
    this.#goal = { id, goal };
    this.#status = 'working';
    this.#look(false);
  }

  /** Observes, plans, begins one step; looks again as soon as the production agent does. */
  #look(report: boolean): void {
    if (!this.alive) return;
    this.#next?.cancel();
    let again = REPORT_EVERY_MS;
    // While a step is under way nothing is observed, but that PostgreSQL ended.
    if (!this.#busy || this.#crashedUnderGoal) this.#seen = this.#observe();
    if (this.#goal && !this.#busy) again = this.#advance(this.#goal.goal);
    this.#report(report);
    if (!this.#busy) this.#next = this.freezer.after(again, () => this.#look(false));
  }

  /** Answers when to look again, ms. */
  #advance(goal: Goal): number {
    const step = plan(goal, this.promisedEpoch, this.#seen);
    this.#detail = step.kind === 'wait' || step.kind === 'refuse' ? step.detail : step.kind;
    this.#status = reached(step) ? 'done' : step.kind === 'refuse' ? 'failed' : 'working';
    this.#execute(step);
    const { now } = this.#world.kernel;
    const delay = delayMs(reached(step) && isSettled(goal, this.#seen), step.kind, now - this.#activeAt);
    // A lease that ends is looked at when it ends.
    const left = goal.kind === 'lead' && this.#seen.leaseHeld ? this.#lease.leftMs(goal, now) : delay;
    // A moment late, as real timers are: virtual time must go on.
    return Math.min(delay, Math.max(left, 0) + 0.01);
  }

  #observe(): Observed {
    const { now } = this.#world.kernel;
    const seen = this.postgres.observe(REPLICATION_PORT);
    const { server } = seen;
    const goal = this.#goal?.goal.kind === 'lead' ? this.#goal.goal : null;
    if (goal && server.kind === 'primary') this.#lease.looked(goal, server.replies, now);
    const leaseHeld = !goal || this.#lease.held(goal, now);
    if (server.kind !== 'stopped') return { ...seen, leaseHeld };
    return { ...seen, leaseHeld, server: { ...server, crashedUnderGoal: this.#crashedUnderGoal } };
  }

  #execute(step: Step): void {
    const { postgres } = this;
    switch (step.kind) {
      case 'raise-promise':
        this.#later(step.kind, 0.2, this.slowDisk ? 2000 : 4, () => {
          this.#durableEpoch = step.epoch;
          this.promisedEpoch = step.epoch;
          this.#world.promised(this, step.epoch);
        });
        break;
      case 'initdb':
        this.#later(step.kind, 50, 200, () => postgres.initdb('7000000000000000001'));
        break;
      case 'basebackup':
        this.#copy(step.kind, (source) => postgres.basebackupFrom(source));
        break;
      case 'rewind':
        this.#copy(step.kind, (source) => postgres.rewindFrom(source));
        break;
      case 'configure':
        this.#later(step.kind, 0.2, 3, () => postgres.configure(step.override));
        break;
      case 'start':
        postgres.beginStart(step.role, step.override);
        this.#later(step.kind, 20, 250, () => postgres.finishStart());
        break;
      case 'stop':
        this.#later(step.kind, 5, 80, () => (step.mode === 'fast' ? postgres.stopFast() : postgres.stopImmediate()));
        break;
      case 'promote':
        this.#later(step.kind, 10, 80, () => postgres.promote(step.timeline));
        break;
      case 'slots':
        this.#later(step.kind, 0.3, 3, () => postgres.createSlots(step.drop, step.create));
        break;
      case 'set-aside':
        this.#later(step.kind, 0.5, 5, () => postgres.setAside());
        break;
      case 'checkpoint':
        this.#later(step.kind, 5, 60, () => postgres.checkpoint());
        break;
      case 'wait':
      case 'none':
      case 'refuse':
        return;
    }
  }

  #copy(kind: 'basebackup' | 'rewind', copy: (source: PostgresModel) => boolean): void {
    this.#later(kind, 50, 400, () => {
      const source = this.#world.sourceOf(this.name);
      if (source) copy(source);
    });
  }

  #later(kind: Step['kind'], fromMs: number, toMs: number, effect: () => void): void {
    const life = this.#life;
    this.#busy = kind;
    this.freezer.after(this.#world.kernel.random.between(fromMs, toMs), () => {
      if (life !== this.#life || !this.alive) return;
      this.#busy = null;
      this.#activeAt = this.#world.kernel.now;
      effect();
      this.#look(false);
    });
  }

  #heartbeat(life: number): void {
    if (life !== this.#life || !this.alive) return;
    const due = this.#sent.at + REPORT_EVERY_MS - this.#world.kernel.now;
    if (due <= 0) this.#report(true);
    this.freezer.after(due <= 0 ? REPORT_EVERY_MS : due, () => this.#heartbeat(life));
  }

  #report(unchangedToo: boolean): void {
    const { systemId, timeline, history } = this.#seen;
    const report = {
      ...{ instance: this.name, bootId: this.bootId, promisedEpoch: this.promisedEpoch },
      goal: this.#goal && { id: this.#goal.id, status: this.#status, detail: this.#detail },
      ...{ systemId, timeline, history, postgres: stateOf(this.#seen) },
      pids: { agent: 1, postgres: 1, envoy: 1 },
    };
    const content = JSON.stringify(report, (_key, value) => (typeof value === 'bigint' ? `${value}` : value));
    if (!unchangedToo && content === this.#sent.content) return;
    this.#sent = { content, at: this.#world.kernel.now };
    this.#seq++;
    this.#lease.sent(this.#seq, this.#sent.at);
    this.#world.report(this, { ...report, seq: this.#seq });
  }
}

function stateOf({ server }: Observed): PostgresState {
  switch (server.kind) {
    case 'absent':
      return { kind: 'absent' };
    case 'broken':
      return { kind: 'creating', how: 'rewind' };
    case 'stopped':
      return { kind: 'stopped', how: server.how, clean: server.clean, checkpointLsn: server.checkpointLsn };
    case 'primary': {
      const { override: _o, slots: _s, checkpointing: _c, replies: _r, ...state } = server;
      return state;
    }
    case 'standby': {
      const { receiveLsn, replayLsn } = server;
      return { kind: 'standby', receiveLsn, replayLsn, streaming: server.walReceiver === 'streaming' };
    }
    case 'unresponsive':
      return { kind: 'unresponsive' };
    default:
      return { kind: 'starting' };
  }
}
