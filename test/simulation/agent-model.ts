/**
 * One agent in virtual time: the production plan over the PostgreSQL model. Every step takes time, and the agent can
 * die between any two.
 */
import type { Observed } from '../../agent/observe/observed.ts';
import { plan, reached, type Step } from '../../agent/plan.ts';
import type { Goal } from '../../control-plane/model/goal.ts';
import type { GoalProgress, InstanceReport, PostgresState } from '../../control-plane/model/instance.ts';
import type { ControlMessage } from '../../control-plane/runtime/agent-protocol.ts';
import type { Kernel } from './kernel.ts';
import type { PostgresModel } from './postgres-model.ts';

export interface AgentWorld {
  readonly kernel: Kernel;
  /** Hands a report to the agent's connection, if there is one. */
  report(agent: AgentModel, report: InstanceReport): void;
  sourceOf(instance: string): PostgresModel | undefined;
  promised(agent: AgentModel, epoch: number): void;
  violation(text: string): void;
}

const REPLICATION_PORT = 6000;
const REPORT_EVERY_MS = 500;
const PLAN_EVERY_MS = 5;

export class AgentModel {
  readonly postgres: PostgresModel;
  alive = false;
  bootId = '';
  /** What is on disk. */
  promisedEpoch = 0;
  /** Epoch of the newest goal to lead that this agent accepted. */
  leadEpoch = 0;
  readonly #world: AgentWorld;
  #boots = 0;
  #seq = 0;
  #goal: { readonly id: string; readonly goal: Goal } | null = null;
  #status: GoalProgress['status'] = 'working';
  #detail = '';
  #busy: Step['kind'] | null = null;
  #crashedUnderGoal = false;
  #lastSent = '';
  /** Rises with each boot and each interrupted step. */
  #life = 0;

  constructor(postgres: PostgresModel, world: AgentWorld) {
    this.postgres = postgres;
    this.#world = world;
    postgres.onCrash = () => {
      this.#crashedUnderGoal = true;
      this.#tick();
    };
    postgres.onChange = () => this.#tick();
  }

  get name(): string {
    return this.postgres.name;
  }

  boot(): void {
    this.alive = true;
    this.bootId = `${this.name}#${++this.#boots}`;
    this.#goal = null;
    this.#busy = null;
    this.#life++;
    this.#seq = 0;
    this.#lastSent = '';
    this.#heartbeat(this.#life);
  }

  /** kill -9 of the whole instance. */
  die(): void {
    this.alive = false;
    this.#life++;
    this.postgres.die();
  }

  receive(message: ControlMessage): void {
    if (!this.alive) return;
    switch (message.kind) {
      case 'report-request':
        this.#report(true);
        break;
      case 'report-ack':
        return;
      case 'goal':
        this.#accept(message.id, message.goal);
        break;
    }
  }

  /** A connection was made: tell everything anew. */
  connected(): void {
    this.#report(true);
  }

  #accept(id: string, goal: Goal): void {
    if (goal.epoch < this.promisedEpoch) return;
    // Copying from the primary is given up for what can't wait.
    if (goal.kind !== 'follow' && (this.#busy === 'basebackup' || this.#busy === 'rewind')) {
      this.#busy = null;
      this.#life++;
      this.#heartbeat(this.#life);
    }
    if (goal.kind === 'lead') this.leadEpoch = goal.epoch;
    this.#crashedUnderGoal = false;
    this.#goal = { id, goal };
    this.#status = 'working';
    this.#tick();
  }

  #tick(): void {
    if (!this.alive) return;
    this.#advance();
    this.#report(false);
  }

  #advance(): void {
    if (!this.#goal || this.#busy) return;
    const step = plan(this.#goal.goal, this.promisedEpoch, this.#observe());
    this.#detail = step.kind === 'wait' || step.kind === 'refuse' ? step.detail : step.kind;
    this.#status = reached(step) ? 'done' : step.kind === 'refuse' ? 'failed' : 'working';
    if (step.kind === 'none' || step.kind === 'refuse') return;
    this.#execute(step);
  }

  #observe(): Observed {
    const seen = this.postgres.observe(REPLICATION_PORT);
    if (seen.server.kind !== 'stopped') return seen;
    return { ...seen, server: { ...seen.server, crashedUnderGoal: this.#crashedUnderGoal } };
  }

  #execute(step: Step): void {
    const { postgres } = this;
    switch (step.kind) {
      case 'wait':
        this.#later('wait', PLAN_EVERY_MS, PLAN_EVERY_MS, () => {});
        break;
      case 'raise-promise':
        this.#later(step.kind, 0.2, 4, () => {
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
        this.#later(step.kind, 10, 80, () => postgres.promote());
        break;
      case 'slots':
        this.#later(step.kind, 0.3, 3, () => postgres.createSlots(step.drop, step.create));
        break;
      case 'checkpoint':
        this.#later(step.kind, 5, 60, () => postgres.checkpoint());
        break;
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
    const { kernel } = this.#world;
    const life = this.#life;
    this.#busy = kind;
    kernel.after(kernel.random.between(fromMs, toMs), () => {
      if (life !== this.#life || !this.alive) return;
      this.#busy = null;
      effect();
      this.#tick();
    });
  }

  #heartbeat(life: number): void {
    if (life !== this.#life || !this.alive) return;
    this.#report(true);
    this.#world.kernel.after(REPORT_EVERY_MS, () => this.#heartbeat(life));
  }

  #report(always: boolean): void {
    const observed = this.#observe();
    const report: InstanceReport = {
      instance: this.name,
      bootId: this.bootId,
      seq: this.#seq + 1,
      promisedEpoch: this.promisedEpoch,
      goal: this.#goal && { id: this.#goal.id, status: this.#status, detail: this.#detail },
      systemId: observed.systemId,
      timeline: observed.timeline,
      history: observed.history,
      postgres: stateOf(observed),
      pids: { agent: 1, postgres: 1, envoy: 1 },
    };
    const { seq: _, ...content } = report;
    const text = JSON.stringify(content, (_key, value) => (typeof value === 'bigint' ? `${value}` : value));
    if (!always && text === this.#lastSent) return;
    this.#lastSent = text;
    this.#seq++;
    this.#world.report(this, report);
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
      const { override: _o, slots: _s, checkpointing: _c, ...state } = server;
      return state;
    }
    case 'standby': {
      const { receiveLsn, replayLsn } = server;
      return { kind: 'standby', receiveLsn, replayLsn, streaming: server.walReceiver === 'streaming' };
    }
    default:
      return { kind: 'starting' };
  }
}
