/** The promises of the failover protocol as checks; each violation names the one that it breaks. */
import type { ClusterView } from '../../control-plane/api/view.ts';
import { type ClusterRecord, primaryOf } from '../../control-plane/model/cluster-record.ts';
import { promiseQuorum, type SyncConfig } from '../../control-plane/model/sync.ts';
import type { AgentModel } from './agent-model.ts';
import { lsnOf, type WalRecord } from './disk-model.ts';
import { Findable, type Row } from './findable.ts';
import type { PostgresModel } from './postgres-model.ts';
import type { WalStream } from './wal-stream.ts';
import type { World } from './world.ts';

/** A proxy that leads elsewhere has ended the sessions of before after this long, ms. */
const ENDED_MS = 50;

export class Violation extends Error {}

export class Invariants {
  readonly #world: World;
  readonly #findable: Findable;
  /** Acknowledged rows. */
  readonly #acknowledged: Row[] = [];
  /** Of those, the first that were found on the primary of an epoch that opened. */
  #found = 0;
  /** The newest rows that clients of the rw route saw. */
  readonly #read: (Row & { readonly instance: string })[] = [];
  /** Writes that clients take for ones that never happened. */
  readonly #failed = new Set<number>();
  readonly #promised = new Map<string, number>();
  #openEpoch = 0;
  #openPrimary: PostgresModel | null = null;
  #met: { readonly inForce: SyncConfig | null; readonly stored: SyncConfig | null } = { inForce: null, stored: null };
  #storedEpoch = 0;
  /** Walsenders whose names were looked at: a list of them is never changed, and neither is a name. */
  readonly #named = new Map<PostgresModel, readonly WalStream[]>();
  #violation: Violation | null = null;
  /** Proxies that lead to two primaries, and since when. */
  readonly #forked = new Map<string, number>();
  /** In which of its runs an instance was last a standby, or a primary that lets clients in. */
  readonly #open = new Map<string, number>();
  #touched = true;
  /** Epochs after the first that took writes: completed changes of primary. */
  failovers = 0;
  /** Writes of which nobody knows whether they happened. */
  unknown = 0;

  constructor(world: World) {
    this.#world = world;
    this.#findable = new Findable(world, (text) => this.broken(text));
  }

  get violation(): Violation | null {
    return this.#violation;
  }

  broken(text: string): void {
    this.#world.kernel.note(`VIOLATION ${text}`);
    this.#violation ??= new Violation(text);
  }

  /** Something happened that the checks of states look at. */
  touch(): void {
    this.#touched = true;
  }

  stored(record: ClusterRecord): void {
    if (record.epoch < this.#storedEpoch) this.broken(`epochs never fall: ${this.#storedEpoch} to ${record.epoch}`);
    this.#storedEpoch = record.epoch;
    this.#lineage(record);
    this.#findable.stored(record);
    const { phase } = record;
    if (phase.kind === 'promoting')
      this.#leases(phase.candidate, `epoch ${record.epoch} is given to ${phase.candidate}`);
    if (phase.kind !== 'active' || phase.gate !== 'open') return;
    if (record.epoch > this.#openEpoch) {
      if (this.#openEpoch > 0) this.failovers++;
      this.#openEpoch = record.epoch;
      this.#openPrimary = this.#world.agents.get(phase.primary)!.postgres;
      this.#leases(phase.primary, `epoch ${record.epoch} opens`);
      this.#complete(phase.primary, this.#found, `when epoch ${record.epoch} opened`);
      this.#found = this.#acknowledged.length;
    }
    const { mode, quorum } = this.#world.spec.durability;
    if (mode === 'strict' && quorum > 0 && record.sync.voters.length < record.sync.k) {
      this.broken(`strict mode has at least k voters: ${record.sync.voters.join(',')}`);
    }
  }

  /** A control plane is about to let writes in: by what it has been told, no other instance takes any. */
  decided({ phase }: ClusterRecord, view: ClusterView | undefined): void {
    if (phase.kind !== 'active' || phase.gate !== 'open' || !view || isOpen(view.record)) return;
    const { suspectAfterMs } = view.record.spec.failover;
    for (const [name, { connected, report, lastReportAgoMs }] of view.instances) {
      const { postgres, freezer } = this.#world.agents.get(name)!;
      const isHeard = connected && report?.postgres.kind === 'primary' && lastReportAgoMs! < suspectAfterMs;
      if (name === phase.primary || !isHeard || !postgres.isPrimary || freezer.frozen) continue;
      this.broken(`writes are let in once every other primary that is heard has stopped: ${name} has not`);
    }
  }

  /** Asynchronous or not: whoever is to lead has nothing that the recorded history left behind. */
  #lineage({ phase, timelineHistory }: ClusterRecord): void {
    if (phase.kind !== 'promoting') return;
    const disk = this.#world.agents.get(phase.candidate)!.postgres.disk;
    const left = timelineHistory.find(({ timeline }) => timeline === disk?.timeline);
    if (!disk || !left || lsnOf(disk.flushed) <= left.endLsn) return;
    this.broken(`nobody leads who diverged: ${phase.candidate} has more on timeline ${left.timeline} than was kept`);
  }

  acknowledged(primary: PostgresModel, record: WalRecord, position: number): void {
    const epoch = this.#world.agents.get(primary.name)!.leadEpoch;
    const { mode, quorum } = this.#world.spec.durability;
    const isLate = mode === 'async' && this.#world.isThawing(primary.name);
    // A reply that lay in the buffer of a frozen primary is no harm where the new one has the commit.
    if (epoch < this.#openEpoch && !isLate && !this.#openPrimary?.has(record, position)) {
      this.broken(
        `only one epoch acknowledges: ${primary.name} of epoch ${epoch} did after epoch ${this.#openEpoch} opened`,
      );
    }
    // Before a cluster was ever open nobody could be told to wait for.
    if (mode === 'strict' && quorum > 0 && this.#openEpoch > 0 && (primary.syncInForce?.k ?? 0) === 0) {
      this.broken(`synchronous_standby_names is never empty: ${primary.name} acknowledged alone`);
    }
    this.#acknowledged.push({ record, position });
    this.#findable.acknowledged({ record, position }, epoch);
  }

  /** Asynchronous: the lease alone keeps a primary from going on beside the next one. A frozen one acknowledges nothing. */
  #leases(primary: string, when: string): void {
    if (this.#world.spec.durability.mode !== 'async') return;
    for (const { name, alive, postgres } of this.#world.agents.values()) {
      if (name === primary || !alive || !postgres.isPrimary || postgres.freezer.frozen) continue;
      if (!this.#world.isThawing(name)) this.broken(`a lease ends in time: ${name} still runs as ${when}`);
    }
  }

  /** A client of the rw route saw this row as the newest. */
  read(instance: string, record: WalRecord, position: number): void {
    if (this.#read.at(-1)?.record !== record) this.#read.push({ record, position, instance });
  }

  /** A write whose answer never came: it may have happened or not. */
  indeterminate(_id: number): void {
    this.unknown++;
  }

  /** A write that its client takes for one that never happened. */
  failed(id: number): void {
    this.#failed.add(id);
  }

  /** What an agent holds, and what it tells: after a crash it has to know all of that. */
  promised(agent: AgentModel): void {
    const before = this.#promised.get(agent.name) ?? 0;
    if (agent.promisedEpoch < before) {
      this.broken(`promises never fall: ${agent.name} from ${before} to ${agent.promisedEpoch}`);
    }
    this.#promised.set(agent.name, agent.promisedEpoch);
  }

  /** After each event. */
  check(): void {
    if (!this.#touched) return;
    this.#touched = false;
    this.#oneWritable();
    this.#quorums();
    this.#names();
    this.#recovered();
  }

  /** What was started to lead lets clients in when what recovery brought back can't be lost any more. */
  #recovered(): void {
    for (const { name, postgres } of this.#world.agents.values()) {
      if (postgres.isPrimary && postgres.closed) this.#open.delete(name);
      else if (postgres.running && this.#open.get(name) !== postgres.run) {
        this.#open.set(name, postgres.run);
        if (postgres.isPrimary) this.#showsFound(postgres);
      }
    }
  }

  #showsFound(postgres: PostgresModel): void {
    const row = postgres.read();
    if (row) this.#findable.shown(row);
  }

  #oneWritable(): void {
    let writable: string | null = null;
    for (const gateway of this.#world.gateways) {
      const reached = this.#world.reached(gateway);
      this.#sessionEnds(gateway.node, reached);
      for (const agent of reached) {
        if (!agent.postgres.closed) this.#showsFound(agent.postgres);
        // What was started to lead lets no client in before enough standbys hold what it recovered.
        if (agent.name === writable || agent.postgres.closed || this.#world.isIsolated(agent)) continue;
        if (writable !== null) this.broken(`one writable instance is reachable: ${writable} and ${agent.name}`);
        writable = agent.name;
      }
    }
  }

  /** Isolated or not: a proxy that leads to the next primary ends what it led to the one before. */
  #sessionEnds(gateway: string, reached: readonly AgentModel[]): void {
    const [last, next] = reached;
    if (!last || !next) {
      if (this.#forked.size > 0) this.#forked.delete(gateway);
      return;
    }
    const { now } = this.#world.kernel;
    const since = this.#forked.get(gateway) ?? now;
    this.#forked.set(gateway, since);
    if (now - since > ENDED_MS) {
      this.broken(
        `a session ends with its epoch: ${gateway} still leads one to ${last.name}, and others to ${next.name}`,
      );
    }
  }

  /** k + q > |V as stored united with V as PostgreSQL has it|, while the primary of the epoch takes writes. */
  #quorums(): void {
    const record = this.#world.store.record;
    if (record?.phase.kind !== 'active' || record.phase.gate !== 'open' || record.sync.voters.length === 0) return;
    const agent = this.#world.agents.get(primaryOf(record.phase))!;
    if (!agent.postgres.isPrimary || agent.leadEpoch !== record.epoch) return;
    const inForce = agent.postgres.syncInForce;
    if (inForce) this.#meet(inForce, record.sync);
  }

  #meet(inForce: SyncConfig, stored: SyncConfig): void {
    // Neither has changed since they were found to be right together.
    if (this.#met.inForce === inForce && this.#met.stored === stored) return;
    this.#met = { inForce, stored };
    const union = new Set([...inForce.voters, ...stored.voters]);
    if (inForce.k + promiseQuorum(stored) <= union.size) {
      this.broken(
        `quorums meet: PostgreSQL has ${inForce.k} of ${inForce.voters.join(',')}, the store ${stored.k} of ${stored.voters.join(',')}`,
      );
    }
  }

  /** Each name has at most one walsender, and the right standby behind it. */
  #names(): void {
    for (const { postgres } of this.#world.agents.values()) {
      const { senders } = postgres.streams;
      if (this.#named.get(postgres) === senders) continue;
      this.#named.set(postgres, senders);
      for (const [index, { name, standby }] of senders.entries()) {
        if (name !== standby.name) this.broken(`a name has one standby behind it: ${standby.name} is called ${name}`);
        if (senders.findIndex((other) => other.name === name) !== index) {
          this.broken(`each name has at most one walsender: ${name} has two on ${postgres.name}`);
        }
      }
    }
  }

  /** The end of a run, after healing. */
  final(): void {
    const record = this.#world.store.record;
    if (record?.phase.kind !== 'active') return;
    this.#complete(record.phase.primary, 0, 'at the end');
    const disk = this.#world.agents.get(record.phase.primary)!.postgres.disk;
    const seen = disk?.wal.find(({ id }) => this.#failed.has(id));
    if (seen) this.broken(`what a client takes for failed never happened: write ${seen.id} is there at the end`);
  }

  #complete(primary: string, from: number, when: string): void {
    // There commits that no standby has are lost with their primary, by choice.
    if (this.#world.spec.durability.mode === 'async') return;
    const { postgres } = this.#world.agents.get(primary)!;
    let lost = 0;
    for (let i = from; i < this.#acknowledged.length; i++) {
      const { record, position } = this.#acknowledged[i]!;
      if (!postgres.has(record, position)) lost++;
    }
    const undone = this.#read.find(({ record, position }) => !postgres.has(record, position));
    if (undone) {
      const { record, position, instance } = undone;
      this.broken(
        `no row is read and rolled back: ${primary} lacks ${record.id} at ${position}, read on ${instance} (${when})`,
      );
    }
    // Older ones are behind those: what an epoch was found to have is looked for again at the end.
    if (from > 0) this.#read.length = 0;
    if (lost > 0) this.broken(`no acknowledged commit is lost: ${primary} lacks ${lost} ${when}`);
  }
}

function isOpen({ phase }: ClusterRecord): boolean {
  return phase.kind === 'active' && phase.gate === 'open';
}
