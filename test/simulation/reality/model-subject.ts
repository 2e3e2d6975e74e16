/** The script's subject made of the models, in virtual time. */
import type { Goal } from '../../../control-plane/model/goal.ts';
import { goalId } from '../../../control-plane/model/goal.ts';
import type { InstanceReport } from '../../../control-plane/model/instance.ts';
import { AgentModel } from '../agent-model.ts';
import { Kernel } from '../kernel.ts';
import { Network } from '../network.ts';
import { PostgresModel } from '../postgres-model.ts';
import { NAMES, type Subject } from './script.ts';

const LIMIT_MS = 60_000;

export class ModelSubject implements Subject {
  readonly #kernel: Kernel;
  readonly #agents = new Map<string, AgentModel>();
  readonly #reports = new Map<string, InstanceReport[]>(NAMES.map((name) => [name, []]));
  #source = '';

  constructor(seed: number) {
    const kernel = new Kernel(seed);
    const network = new Network(kernel);
    this.#kernel = kernel;
    const upstreamOf = () => this.#agents.get(this.#source)?.postgres;
    const postgresWorld = { kernel, network, upstreamOf, acknowledged: () => {}, changed: () => {} };
    const agentWorld = {
      ...{ kernel, sourceOf: upstreamOf, promised: () => {} },
      report: (agent: AgentModel, report: InstanceReport) => this.#onReport(agent, report),
    };
    for (const name of NAMES)
      this.#agents.set(name, new AgentModel(new PostgresModel(name, postgresWorld), agentWorld));
    for (const agent of this.#agents.values()) agent.boot();
    this.#clockwork();
  }

  give(name: string, goal: Goal): void {
    this.#agents.get(name)!.receive({ kind: 'goal', id: goalId(goal), term: 0, goal });
  }

  crash(name: string): void {
    this.#agents.get(name)!.postgres.crash();
  }

  async restart(name: string): Promise<void> {
    const agent = this.#agents.get(name)!;
    agent.postgres.stop('fast');
    await this.until(`${name} to stop`, () => agent.postgres.kind === 'stopped');
    agent.die(false);
    agent.boot();
  }

  route(to: string): void {
    this.#source = to;
  }

  async write(name: string): Promise<void> {
    let acknowledged = false;
    this.#agents.get(name)!.postgres.write(1, () => {
      acknowledged = true;
    });
    await this.until(`${name} to acknowledge`, () => acknowledged);
  }

  reports(name: string): readonly InstanceReport[] {
    return this.#reports.get(name)!;
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    const limit = this.#kernel.now + LIMIT_MS;
    while (!condition()) {
      if (!this.#kernel.step(limit)) throw new Error(`waited in vain for: ${what}`);
    }
  }

  /** As the control plane does with each report of the one that leads. */
  #onReport(agent: AgentModel, report: InstanceReport): void {
    this.#reports.get(agent.name)!.push(report);
    this.#kernel.after(0.1, () => agent.receive({ kind: 'report-ack', seq: report.seq, leaseMs: 5000 }));
  }

  #clockwork(): void {
    for (const { postgres } of this.#agents.values()) {
      postgres.streams.check(({ source }) => source.name === this.#source);
      postgres.connectReceiver();
    }
    this.#kernel.after(10, () => this.#clockwork());
  }
}
