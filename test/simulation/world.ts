/**
 * One cluster in virtual time: the production Manager (reduce, decide, runner), routing and agent plan over models of
 * PostgreSQL, the network and the store. Clients write through two gateways whose configuration arrives late.
 */

import { type AgentChannel, Manager } from '../../control-plane/manager/manager.ts';
import type { ClusterRecord } from '../../control-plane/model/cluster-record.ts';
import { type ClusterSpec, instanceNames } from '../../control-plane/model/cluster-spec.ts';
import type { InstanceReport, Placement } from '../../control-plane/model/instance.ts';
import { instanceNode } from '../../control-plane/routing/mesh.ts';
import { Publisher } from '../../control-plane/routing/publisher.ts';
import type { ControlMessage } from '../../control-plane/runtime/agent-protocol.ts';
import { createLogger } from '../../control-plane/runtime/logger.ts';
import type { ProxyIr } from '../../envoy-config/ir.ts';
import { AgentModel } from './agent-model.ts';
import { Invariants } from './invariants.ts';
import type { Kernel } from './kernel.ts';
import { PostgresModel, type WalRecord } from './postgres-model.ts';
import { StoreModel } from './store-model.ts';

const GATEWAYS = ['gateway/near', 'gateway/far'];

interface ControlPlane {
  readonly manager: Manager;
  readonly publisher: Publisher;
  alive: boolean;
  readonly connections: Set<Connection>;
  readonly published: Map<string, ProxyIr>;
}

interface Connection {
  readonly agent: AgentModel;
  readonly controlPlane: ControlPlane;
  readonly bootId: string;
  channel: AgentChannel | null;
  open: boolean;
  /** Messages keep their order: none arrives before the one sent before it. */
  toAgentAt: number;
  toControlAt: number;
}

export class World {
  readonly kernel: Kernel;
  readonly spec: ClusterSpec;
  readonly agents: ReadonlyMap<string, AgentModel>;
  readonly store: StoreModel;
  readonly invariants: Invariants;
  /** Pairs that can't reach each other, `a|b` with a < b; the control plane is `control`. */
  readonly cuts = new Set<string>();
  /** Share of messages that are late by hundreds of ms. */
  spikes = 0.02;
  failovers = 0;
  acknowledgedWrites = 0;
  #controlPlane: ControlPlane | null = null;
  /** What each proxy has; gone when its instance dies. */
  readonly #proxies = new Map<string, ProxyIr>();
  #writes = 0;

  constructor(kernel: Kernel, spec: ClusterSpec) {
    this.kernel = kernel;
    this.spec = spec;
    this.store = new StoreModel(kernel, (record) => this.#onStored(record));
    const agents = new Map<string, AgentModel>();
    for (const name of instanceNames(spec))
      agents.set(name, new AgentModel(new PostgresModel(name, this.#postgresWorld()), this.#agentWorld()));
    this.agents = agents;
    this.invariants = new Invariants(this);
  }

  async begin(): Promise<void> {
    await this.startControlPlane();
    for (const name of this.agents.keys()) this.startInstance(name);
    for (const gateway of GATEWAYS) this.#client(gateway);
    this.#clockwork();
  }

  get controlPlaneAlive(): boolean {
    return this.#controlPlane?.alive === true;
  }

  async startControlPlane(): Promise<void> {
    const { kernel } = this;
    const connections = new Set<Connection>();
    const published = new Map<string, ProxyIr>();
    const self = { alive: true };
    const base = kernel.clock(kernel.random.between(0.95, 1.05), kernel.random.between(-3e11, 3e11));
    const clock = { ...base, after: (ms: number, run: () => void) => base.after(ms, () => self.alive && run()) };
    const publisher = new Publisher((ir) => {
      published.set(ir.node, ir);
      if (self.alive) this.#deliver(ir);
    });
    const log = createLogger({ level: 'silent', format: 'json' });
    const manager = new Manager({
      store: this.store.handle(() => self.alive),
      clock,
      log,
      onState: (state) => self.alive && publisher.onState(state),
    });
    const controlPlane: ControlPlane = Object.assign(self, { manager, publisher, connections, published });
    this.#controlPlane = controlPlane;
    kernel.note('control plane started');
    const ready = manager.start().then(async () => {
      if (!manager.cluster(this.spec.name)) await manager.apply(this.spec);
    });
    await this.settle(ready);
    for (const gateway of GATEWAYS) publisher.onNode(gateway);
    for (const agent of this.agents.values()) if (agent.alive) this.#connectSoon(agent, agent.bootId);
  }

  /** Runs virtual time until the promise of the code under test is settled. */
  async settle(promise: Promise<unknown>): Promise<void> {
    let done = false;
    promise.then(
      () => (done = true),
      () => (done = true),
    );
    for (let i = 0; i < 10_000 && !done; i++) {
      await drain();
      if (!done && !this.kernel.step(this.kernel.now + 1000)) break;
    }
  }

  killControlPlane(): void {
    const controlPlane = this.#controlPlane;
    if (!controlPlane?.alive) return;
    controlPlane.alive = false;
    this.kernel.note('control plane killed');
    for (const connection of [...controlPlane.connections])
      this.#breakConnection(connection, this.kernel.random.between(0.5, 5));
  }

  startInstance(name: string): void {
    const agent = this.agents.get(name)!;
    if (agent.alive) return;
    agent.boot();
    this.kernel.note(`${name} booted`);
    const ir = this.#controlPlane?.published.get(instanceNode(this.spec.name, name));
    if (ir && this.#controlPlane?.alive) this.#deliver(ir);
    this.#connectSoon(agent, agent.bootId);
  }

  killInstance(name: string): void {
    const agent = this.agents.get(name)!;
    if (!agent.alive) return;
    this.kernel.note(`${name} killed`);
    agent.die();
    this.#proxies.delete(instanceNode(this.spec.name, name));
    for (const connection of this.#connectionsOf(agent))
      this.#breakConnection(connection, this.kernel.random.between(0.5, 5));
  }

  killPostgres(name: string): void {
    this.kernel.note(`PostgreSQL of ${name} killed`);
    this.agents.get(name)!.postgres.crash();
  }

  switchover(to: string): void {
    const controlPlane = this.#controlPlane;
    if (!controlPlane?.alive) return;
    this.kernel.note(`switchover to ${to || 'the best'} asked`);
    controlPlane.manager
      .switchover(this.spec.name, { to: to || undefined, waitMs: this.kernel.random.pick([0, 50]) })
      .catch(() => {});
  }

  cut(a: string, b: string): void {
    this.cuts.add(pair(a, b));
    this.kernel.note(`${a} and ${b} cut`);
    // Nobody is told: keep-alives find out.
    const controlPlane = this.#controlPlane;
    if (!controlPlane || (a !== 'control' && b !== 'control')) return;
    const other = a === 'control' ? b : a;
    for (const connection of [...controlPlane.connections]) {
      if (connection.agent.name === other)
        this.kernel.after(this.kernel.random.between(800, 2000), () => {
          if (this.cuts.has(pair(a, b))) this.#breakConnection(connection, 0);
        });
    }
  }

  heal(): void {
    this.cuts.clear();
    this.store.failing = 0;
    this.kernel.note('network healed');
  }

  reachable(a: string, b: string): boolean {
    return a === b || !this.cuts.has(pair(a, b));
  }

  // --- connections of agents

  #connectSoon(agent: AgentModel, bootId: string): void {
    this.kernel.after(this.kernel.random.between(5, 200), () => {
      if (!agent.alive || agent.bootId !== bootId || this.#connectionsOf(agent).length > 0) return;
      const controlPlane = this.#controlPlane;
      if (controlPlane?.alive && this.reachable('control', agent.name)) this.#connect(agent, controlPlane);
      else this.#connectSoon(agent, bootId);
    });
  }

  #connect(agent: AgentModel, controlPlane: ControlPlane): void {
    const connection: Connection = {
      agent,
      controlPlane,
      bootId: agent.bootId,
      channel: null,
      open: true,
      toAgentAt: 0,
      toControlAt: 0,
    };
    controlPlane.connections.add(connection);
    const channel: AgentChannel = {
      hello: {
        kind: 'hello',
        cluster: this.spec.name,
        instance: agent.name,
        bootId: agent.bootId,
        placement: placementOf(agent.name),
        postgresMajor: 18,
      },
      send: (message) => this.#toAgent(connection, message),
    };
    this.#toControl(connection, () => {
      connection.channel = channel;
      try {
        controlPlane.manager.onHello(channel);
      } catch {
        this.#breakConnection(connection, 1);
      }
    });
    agent.connected();
  }

  #toAgent(connection: Connection, message: ControlMessage): boolean {
    if (!connection.open || !connection.controlPlane.alive) return false;
    const at = Math.max(connection.toAgentAt, this.kernel.now + this.#delay());
    connection.toAgentAt = at;
    this.kernel.after(at - this.kernel.now, () => {
      const { agent } = connection;
      if (!connection.open || !this.reachable('control', agent.name) || agent.bootId !== connection.bootId) return;
      if (message.kind === 'goal') this.kernel.note(`${agent.name} gets ${message.id}`);
      agent.receive(message);
    });
    return true;
  }

  #toControl(connection: Connection, arrive: () => void): void {
    const at = Math.max(connection.toControlAt, this.kernel.now + this.#delay());
    connection.toControlAt = at;
    this.kernel.after(at - this.kernel.now, () => {
      if (connection.open && connection.controlPlane.alive && this.reachable('control', connection.agent.name))
        arrive();
    });
  }

  #breakConnection(connection: Connection, afterMs: number): void {
    this.kernel.after(afterMs, () => {
      if (!connection.open) return;
      connection.open = false;
      const { agent, controlPlane, channel } = connection;
      controlPlane.connections.delete(connection);
      if (controlPlane.alive && channel) controlPlane.manager.onGone(channel);
      if (agent.alive) this.#connectSoon(agent, agent.bootId);
    });
  }

  #connectionsOf(agent: AgentModel): Connection[] {
    return [...(this.#controlPlane?.connections ?? [])].filter((c) => c.agent === agent && c.open);
  }

  #delay(): number {
    const { random } = this.kernel;
    return random.chance(this.spikes) ? random.between(20, 600) : random.between(0.1, 5);
  }

  // --- routing

  #deliver(ir: ProxyIr): void {
    this.kernel.after(this.#delay(), () => {
      const [, , instance] = ir.node.split('/');
      const there = instance === undefined || (this.agents.get(instance)!.alive && this.reachable('control', instance));
      // Only ever forward: a proxy's stream delivers in order, and the newest is what the control plane has now.
      const newest = this.#controlPlane?.published.get(ir.node);
      if (there && newest && this.#controlPlane?.alive) this.#proxies.set(ir.node, newest);
    });
  }

  #postgresWorld() {
    return {
      kernel: this.kernel,
      upstreamOf: (instance: string) => this.#upstreamOf(instance),
      connected: (a: string, b: string) => this.reachable(a, b),
      acknowledged: (primary: PostgresModel, record: WalRecord) => {
        this.acknowledgedWrites++;
        this.invariants.acknowledged(primary, record);
      },
    };
  }

  #agentWorld() {
    return {
      kernel: this.kernel,
      report: (agent: AgentModel, report: InstanceReport) => {
        for (const connection of this.#connectionsOf(agent)) {
          this.#toControl(connection, () => {
            if (connection.channel) connection.controlPlane.manager.onReport(connection.channel, report);
          });
        }
      },
      sourceOf: (instance: string) => this.#upstreamOf(instance),
      promised: (agent: AgentModel, epoch: number) => this.kernel.note(`${agent.name} promised ${epoch}`),
      violation: (text: string) => this.invariants.violation(text),
    };
  }

  #upstreamOf(instance: string): PostgresModel | undefined {
    const ir = this.#proxies.get(instanceNode(this.spec.name, instance));
    const target = ir?.routes.find((route) => route.kind === 'replication')?.endpoints[0]?.instance;
    const agent = target === undefined ? undefined : this.agents.get(target);
    if (!agent?.alive || !this.reachable(instance, agent.name)) return undefined;
    return agent.postgres;
  }

  /** WAL receivers reconnect, and notice routes that went away. */
  #clockwork(): void {
    for (const { postgres } of this.agents.values()) {
      postgres.checkSource();
      postgres.connectReceiver();
    }
    this.kernel.after(this.kernel.random.between(3, 10), () => this.#clockwork());
  }

  // --- clients

  /** Where a gateway's rw route leads now: through both Envoys to PostgreSQL; undefined = refused. */
  writable(gateway: string): AgentModel | undefined {
    const route = this.#proxies.get(gateway)?.routes.find((r) => r.kind === 'rw');
    const target = route?.endpoints.find((endpoint) => !endpoint.draining)?.instance;
    if (!route || target === undefined) return undefined;
    const local = this.#proxies.get(instanceNode(this.spec.name, target))?.local;
    const agent = this.agents.get(target)!;
    if (!local || local.writableEpoch !== route.epoch || !agent.alive || !agent.postgres.isPrimary) return undefined;
    return agent;
  }

  get gateways(): readonly string[] {
    return GATEWAYS;
  }

  #client(gateway: string): void {
    const agent = this.writable(gateway);
    if (agent) {
      const id = ++this.#writes;
      agent.postgres.write(id, () => {});
    }
    this.kernel.after(this.kernel.random.between(5, 40), () => this.#client(gateway));
  }

  #onStored(record: ClusterRecord): void {
    const { phase } = record;
    this.kernel.note(
      `stored e${record.epoch} ${phase.kind}${phase.kind === 'active' ? ` ${phase.primary} ${phase.gate}` : ''} voters ${record.sync.k}/${record.sync.voters.join(',')}: ${record.history.at(-1)?.reason ?? ''}`,
    );
    if (phase.kind === 'promoting') this.failovers++;
    this.invariants.stored(record);
  }
}

function placementOf(instance: string): Placement {
  const base = 10_000 + Number(instance.split('-').at(-1)) * 10;
  return {
    host: '127.0.0.1',
    zone: '',
    socketDir: `/run/${instance}`,
    ports: {
      rw: base,
      ro: base + 1,
      any: base + 2,
      mesh: base + 3,
      meshRw: base + 4,
      replication: base + 5,
      health: base + 6,
    },
  };
}

function pair(a: string, b: string): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`;
}

/** Lets the promises of the code under test run. */
export function drain(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
