/**
 * One cluster in virtual time: the production Manager (reduce, decide, runner), routing and agent plan over models of
 * PostgreSQL, Envoy, the network and the store. Clients write through two gateways whose configuration arrives late.
 */

import type { ClusterRecord } from '../../control-plane/model/cluster-record.ts';
import { type ClusterSpec, instanceNames } from '../../control-plane/model/cluster-spec.ts';
import type { InstanceReport } from '../../control-plane/model/instance.ts';
import { instanceNode } from '../../control-plane/routing/mesh.ts';
import type { Timer } from '../../control-plane/runtime/clock.ts';
import { createLogger } from '../../control-plane/runtime/logger.ts';
import { AgentModel } from './agent-model.ts';
import { Clients } from './clients.ts';
import { ControlPlaneModel } from './control-plane-model.ts';
import type { WalRecord } from './disk-model.ts';
import { Doors } from './doors.ts';
import type { EnvoyModel } from './envoy-model.ts';
import { Invariants } from './invariants.ts';
import type { Kernel } from './kernel.ts';
import { Links } from './links.ts';
import { CONTROL, Network } from './network.ts';
import { People } from './people.ts';
import { PostgresModel } from './postgres-model.ts';
import { Proxies } from './proxies.ts';
import { StoreModel } from './store-model.ts';

const GATEWAYS = ['gateway/near', 'gateway/far'];
/** A proxy or an agent that could not be reached has heard of a new epoch this long after, ms. */
const STALE_MS = 2500;
/** A primary that thaws has looked at its lease, and stopped, after this long, ms. */
const THAW_MS = 100;
/** Streams and sessions are looked at often for this long after something happened, ms. */
const LIVELY_MS = 150;
const LOG = createLogger({ level: 'silent', format: 'json' });

export class World {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly spec: ClusterSpec;
  readonly agents: ReadonlyMap<string, AgentModel>;
  readonly store: StoreModel;
  readonly invariants: Invariants;
  readonly gateways: readonly EnvoyModel[];
  readonly people: People;
  acknowledgedWrites = 0;
  /** The newest; an older one may still run, and not know that it was replaced. */
  #controlPlane: ControlPlaneModel | null = null;
  readonly #doors: Doors;
  readonly #links: Links;
  readonly #proxies: Proxies;
  readonly #clients: Clients;
  /** Of instances, by name. */
  readonly #envoys: ReadonlyMap<string, EnvoyModel>;
  /** Of instances, by node. */
  readonly #nodes: ReadonlyMap<string, string>;
  readonly #isolatedAt = new Map<string, number>();
  readonly #thawedAt = new Map<string, number>();
  #tick: Timer | null = null;
  #tickAt = 0;
  /** When something last happened that streams and routes may follow. */
  stirredAt = 0;
  /** Commits that a client gave up to wait for. */
  cancelled = 0;

  constructor(kernel: Kernel, spec: ClusterSpec) {
    this.kernel = kernel;
    this.network = new Network(kernel);
    this.spec = spec;
    this.store = new StoreModel(kernel, (record) => this.#onStored(record));
    const names = instanceNames(spec);
    this.#nodes = new Map(names.map((name) => [instanceNode(spec.name, name), name]));
    this.agents = new Map(
      names.map((name) => [name, new AgentModel(new PostgresModel(name, this.#postgresWorld()), this.#agentWorld())]),
    );
    this.#doors = new Doors(kernel, this.network, this.agents);
    this.#proxies = new Proxies({
      ...{ kernel, network: this.network, nodes: [...GATEWAYS, ...this.#nodes.keys()] },
      published: (node) => this.controlPlane?.published.get(node),
      reaches: (node) => this.#reaches(this.#nodes.get(node)),
      runs: (node) => GATEWAYS.includes(node) || this.agents.get(this.#nodes.get(node)!)!.alive,
      onApplied: () => this.stir(),
    });
    this.gateways = GATEWAYS.map((node) => this.#proxies.envoy(node));
    this.#envoys = new Map(names.map((name) => [name, this.#proxies.envoy(instanceNode(spec.name, name))]));
    this.#clients = new Clients(this);
    this.#links = new Links(kernel, this.network, spec.name, () => this.controlPlane);
    this.invariants = new Invariants(this);
    this.people = new People(this);
  }

  begin(): void {
    this.startControlPlane();
    for (const name of this.agents.keys()) this.startInstance(name);
    this.#clients.begin();
    this.#clockwork();
  }

  /** Something happened that streams and routes may follow, and that the invariants are to be checked after. */
  stir(): void {
    this.stirredAt = this.kernel.now;
    this.invariants.touch();
    if (this.#tickAt - this.kernel.now > 20) this.#tickIn(this.kernel.random.between(2, 20));
  }

  // --- the control plane

  get controlPlane(): ControlPlaneModel | null {
    return this.#controlPlane?.alive ? this.#controlPlane : null;
  }

  startControlPlane(): void {
    const { kernel, store } = this;
    const controlPlane: ControlPlaneModel = new ControlPlaneModel({
      kernel,
      store,
      log: LOG,
      onPublished: (ir) => this.#controlPlane === controlPlane && this.#proxies.push(ir.node),
      onPut: (record) => this.invariants.decided(record, controlPlane.manager.cluster(this.spec.name)),
      knock: (...knock) => this.#doors.knock(...knock),
    });
    this.#controlPlane = controlPlane;
    kernel.note('control plane started');
    const { manager, publisher } = controlPlane;
    kernel.touch();
    const ready = async () => {
      await manager.start();
      if (!manager.cluster(this.spec.name)) await manager.apply(this.spec);
      for (const gateway of GATEWAYS) publisher.onNode(gateway);
      controlPlane.ready = true;
    };
    // A store that fails now is asked again by a new process, as its parent would have it.
    ready().catch(() => kernel.after(100, () => this.#startAgain(controlPlane)));
  }

  #startAgain(failed: ControlPlaneModel): void {
    if (this.#controlPlane !== failed || !failed.alive) return;
    failed.kill();
    this.startControlPlane();
  }

  killControlPlane(): void {
    const { controlPlane } = this;
    if (!controlPlane) return;
    controlPlane.kill();
    this.kernel.note('control plane killed');
    this.#links.ended(this.#links.all, 0.5, 5);
  }

  /**
   * Another control plane starts while this one runs on for a while: it lost its lease and does not know. Agents and
   * proxies go over to the new one. The lease of an asynchronous primary is as good as a control plane's knowledge that
   * it leads (see Leadership), so there it knows.
   */
  replaceControlPlane(overlapMs: number): void {
    const old = this.controlPlane;
    if (!old) return;
    this.kernel.note('control plane replaced, the old one runs on');
    const before = this.#links.all;
    old.knowsItsEnd = this.spec.durability.mode === 'async';
    this.kernel.after(overlapMs, () => old.kill());
    this.startControlPlane();
    this.#links.ended(before, 1, 1500);
  }

  freezeControlPlane(ms: number): void {
    const { controlPlane } = this;
    if (!controlPlane) return;
    controlPlane.freezer.freeze();
    this.kernel.note('control plane frozen');
    this.#links.hangs(this.#links.all, () => controlPlane.frozen);
    this.kernel.after(ms, () => {
      this.kernel.note('control plane thawed');
      controlPlane.freezer.thaw();
    });
  }

  // --- instances

  startInstance(name: string): void {
    const agent = this.agents.get(name)!;
    if (agent.alive) return;
    this.#doors.powerBack(name);
    agent.boot();
    this.kernel.note(`${name} booted`);
    this.#proxies.push(instanceNode(this.spec.name, name));
    this.#links.connectSoon(agent);
  }

  killInstance(name: string, power: boolean): void {
    const agent = this.agents.get(name)!;
    if (!agent.alive) return;
    this.kernel.note(`${name} ${power ? 'lost power' : 'killed'}`);
    agent.die(power);
    if (power) this.#doors.powerLost(name);
    this.envoy(name).reset();
    const silent = power || !this.network.connected(CONTROL, name);
    if (silent) this.#links.hangs(this.#links.of(agent), () => true);
    else this.#links.ended(this.#links.of(agent), 0.5, 5);
  }

  killPostgres(name: string): void {
    this.kernel.note(`PostgreSQL of ${name} killed`);
    this.agents.get(name)!.postgres.crash();
  }

  freeze(name: string, what: { readonly agent: boolean; readonly postgres: boolean }, ms: number): void {
    const agent = this.agents.get(name)!;
    if (!agent.alive) return;
    const parts = [what.agent ? 'agent' : '', what.postgres ? 'PostgreSQL' : ''].filter((part) => part !== '');
    this.kernel.note(`${parts.join(' and ')} of ${name} frozen`);
    if (what.postgres) agent.postgres.freeze();
    if (what.agent) {
      agent.freezer.freeze();
      this.#links.hangs(this.#links.of(agent), () => agent.freezer.frozen);
    }
    this.kernel.after(ms, () => {
      this.kernel.note(`${name} thawed`);
      this.#thawedAt.set(name, this.kernel.now);
      agent.postgres.thaw();
      agent.freezer.thaw();
    });
  }

  // --- the network

  /** Until it is mended: see Network. */
  cut(a: string, b: string, oneWay: boolean): void {
    this.network.cut(a, b);
    if (!oneWay) this.network.cut(b, a);
    if (a !== CONTROL && b !== CONTROL) return;
    const agent = this.agents.get(a === CONTROL ? b : a)!;
    this.#links.hangs(this.#links.of(agent), () => !this.network.connected(CONTROL, agent.name));
  }

  mend(a: string, b: string, oneWay: boolean): void {
    this.network.mend(a, b);
    if (!oneWay) this.network.mend(b, a);
  }

  /** The replication connection of a standby ends, and so long it gets no other one. */
  dropReplication(standby: string, ms: number): void {
    const { upstream } = this.agents.get(standby)!.postgres.streams;
    if (!upstream) return;
    const source = upstream.source.name;
    this.agents.get(standby)!.postgres.streams.dropUpstream();
    this.cut(source, standby, false);
    this.kernel.after(ms, () => {
      this.mend(source, standby, false);
      this.stir();
    });
  }

  /** All that is not well by itself. */
  heal(): void {
    this.network.heal();
    this.store.failing = 0;
    this.store.slow = false;
    this.store.restore();
    for (const agent of this.agents.values()) {
      agent.slowDisk = agent.postgres.slowDisk = false;
      agent.postgres.settings.late = false;
    }
  }

  // --- routing

  #reaches(instance: string | undefined): boolean {
    const control = this.controlPlane;
    if (!control || control.frozen) return false;
    return instance === undefined || this.network.connected(CONTROL, instance);
  }

  envoy(instance: string): EnvoyModel {
    return this.#envoys.get(instance)!;
  }

  #upstreamOf(instance: string): PostgresModel | undefined {
    const target = this.envoy(instance).replicationTarget;
    return target === undefined ? undefined : this.agents.get(target)!.postgres;
  }

  /** WAL receivers reconnect, streams and sessions notice what went away: soon after something happened, else seldom. */
  #clockwork(): void {
    for (const { name, freezer, postgres } of this.agents.values()) {
      postgres.streams.check(({ source }) => this.#upstreamOf(name) === source);
      postgres.connectReceiver();
      const cut = !this.network.connected(CONTROL, name) || this.network.isFar(name);
      if (cut || freezer.frozen || postgres.freezer.frozen || !this.controlPlane || this.controlPlane.frozen)
        this.#isolatedAt.set(name, this.kernel.now);
    }
    this.#clients.check();
    this.invariants.touch();
    const { random } = this.kernel;
    this.#tickIn(this.kernel.now - this.stirredAt < LIVELY_MS ? random.between(8, 20) : random.between(60, 200));
  }

  #tickIn(ms: number): void {
    this.#tick?.cancel();
    this.#tickAt = this.kernel.now + ms;
    this.#tick = this.kernel.after(ms, () => this.#clockwork());
  }

  // --- clients

  /** Where a gateway leads a new rw session: through both Envoys to PostgreSQL; undefined = refused. */
  writable(gateway: EnvoyModel): AgentModel | undefined {
    const target = gateway.rwTarget;
    if (target === undefined) return undefined;
    const agent = this.agents.get(target)!;
    if (!agent.alive || !agent.postgres.isPrimary) return undefined;
    return this.envoy(target).writableEpoch === gateway.rwEpoch ? agent : undefined;
  }

  /** Instances that writes through a gateway can get to. */
  reached(gateway: EnvoyModel): readonly AgentModel[] {
    return this.#clients.reached(gateway);
  }

  /** How everything was when a promise was broken. */
  noteStates(): void {
    for (const agent of this.agents.values()) this.kernel.note(`${agent.name}: ${agent.describe()}`);
    this.kernel.note(`control plane: ${this.controlPlane?.manager.cluster(this.spec.name)?.reason ?? 'none'}`);
  }

  /**
   * Cut off or frozen, or so until a moment ago: it can't know that a new epoch began. What it accepts meanwhile nobody
   * acknowledges.
   */
  isIsolated(agent: AgentModel): boolean {
    return this.kernel.now - (this.#isolatedAt.get(agent.name) ?? Number.NEGATIVE_INFINITY) < STALE_MS;
  }

  // --- what the models tell

  #postgresWorld() {
    return {
      kernel: this.kernel,
      network: this.network,
      upstreamOf: (instance: string) => this.#upstreamOf(instance),
      acknowledged: (primary: PostgresModel, record: WalRecord, position: number) => {
        this.acknowledgedWrites++;
        this.invariants.acknowledged(primary, record, position);
      },
      changed: () => this.stir(),
    };
  }

  /** Frozen until a moment ago: its agent may not have looked at its lease yet. */
  isThawing(name: string): boolean {
    return this.kernel.now - (this.#thawedAt.get(name) ?? Number.NEGATIVE_INFINITY) < THAW_MS;
  }

  #agentWorld() {
    return {
      kernel: this.kernel,
      report: (agent: AgentModel, report: InstanceReport) => {
        this.invariants.promised(agent);
        for (const connection of this.#links.of(agent)) if (connection.openForAgent) connection.report(report);
      },
      sourceOf: (instance: string) => {
        const source = this.#upstreamOf(instance);
        return source && this.network.connected(instance, source.name) ? source : undefined;
      },
      promised: (agent: AgentModel) => {
        this.kernel.note(`${agent.name} promised ${agent.promisedEpoch}`);
        this.invariants.promised(agent);
      },
    };
  }

  #onStored(record: ClusterRecord): void {
    const { phase } = record;
    const where = phase.kind === 'active' ? ` ${phase.primary} ${phase.gate}` : '';
    const voters = `${record.sync.k}/${record.sync.voters.join(',')}`;
    this.kernel.note(
      `stored e${record.epoch} ${phase.kind}${where} voters ${voters}: ${record.history.at(-1)?.reason ?? ''}`,
    );
    this.invariants.stored(record);
    this.stir();
  }
}
