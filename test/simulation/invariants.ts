/** The promises of the failover protocol as checks; each violation names the one that it breaks. */
import { type ClusterRecord, primaryOf } from '../../control-plane/model/cluster-record.ts';
import { promiseQuorum, type SyncConfig } from '../../control-plane/model/sync.ts';
import type { WalRecord } from './disk-model.ts';
import type { PostgresModel } from './postgres-model.ts';
import type { World } from './world.ts';

export class Violation extends Error {}

export class Invariants {
  readonly #world: World;
  /** Acknowledged records with their position in the WAL. */
  readonly #acknowledged: { readonly record: WalRecord; readonly position: number }[] = [];
  /** The newest records that clients of the rw route saw. */
  readonly #read: { readonly record: WalRecord; readonly position: number; readonly instance: string }[] = [];
  readonly #promised = new Map<string, number>();
  #openEpoch = 0;
  #met: { readonly inForce: SyncConfig | null; readonly stored: SyncConfig | null } = { inForce: null, stored: null };
  #storedEpoch = 0;
  #found: Violation | null = null;

  constructor(world: World) {
    this.#world = world;
  }

  get found(): Violation | null {
    return this.#found;
  }

  violation(text: string): void {
    this.#world.kernel.note(`VIOLATION ${text}`);
    this.#found ??= new Violation(text);
  }

  stored(record: ClusterRecord): void {
    if (record.epoch < this.#storedEpoch) this.violation(`epochs never fall: ${this.#storedEpoch} to ${record.epoch}`);
    this.#storedEpoch = record.epoch;
    const { phase } = record;
    if (phase.kind !== 'active' || phase.gate !== 'open') return;
    if (record.epoch > this.#openEpoch) {
      this.#openEpoch = record.epoch;
      this.#complete(phase.primary, `when epoch ${record.epoch} opened`);
    }
    const { mode, quorum } = this.#world.spec.durability;
    if (mode === 'strict' && quorum > 0 && record.sync.voters.length < record.sync.k) {
      this.violation(`strict mode has at least k voters: ${record.sync.voters.join(',')}`);
    }
  }

  acknowledged(primary: PostgresModel, record: WalRecord, position: number): void {
    const epoch = this.#world.agents.get(primary.name)!.leadEpoch;
    if (epoch < this.#openEpoch) {
      this.violation(
        `only one epoch acknowledges: ${primary.name} of epoch ${epoch} did after epoch ${this.#openEpoch} opened`,
      );
    }
    const { mode, quorum } = this.#world.spec.durability;
    // Before a cluster was ever open nobody could be told to wait for.
    if (mode === 'strict' && quorum > 0 && this.#openEpoch > 0 && (primary.syncInForce?.k ?? 0) === 0) {
      this.violation(`synchronous_standby_names is never empty: ${primary.name} acknowledged alone`);
    }
    this.#acknowledged.push({ record, position });
  }

  /** A client of the rw route saw this record as the newest. */
  read(instance: string, record: WalRecord, position: number): void {
    const last = this.#read.at(-1);
    if (last?.record !== record) this.#read.push({ record, position, instance });
  }

  /** After each event. */
  check(): void {
    for (const agent of this.#world.agents.values()) {
      const before = this.#promised.get(agent.name) ?? 0;
      if (agent.promisedEpoch < before)
        this.violation(`promises never fall: ${agent.name} from ${before} to ${agent.promisedEpoch}`);
      this.#promised.set(agent.name, agent.promisedEpoch);
    }
    let writable: string | null = null;
    for (const gateway of this.#world.gateways) {
      const agent = this.#world.writable(gateway);
      if (agent === undefined || agent.name === writable || this.#world.isIsolated(agent)) continue;
      if (writable !== null) this.violation(`one writable instance is reachable: ${writable} and ${agent.name}`);
      writable = agent.name;
    }
    this.#quorums();
  }

  /** k + q > |V as stored united with V as PostgreSQL has it|, while the primary of the epoch takes writes. */
  #quorums(): void {
    const record = this.#world.store.record;
    if (record?.phase.kind !== 'active' || record.phase.gate !== 'open' || record.sync.voters.length === 0) return;
    const agent = this.#world.agents.get(primaryOf(record.phase))!;
    const inForce = agent.postgres.syncInForce;
    if (!agent.postgres.isPrimary || agent.leadEpoch !== record.epoch || !inForce) return;
    // Neither has changed since they were found to be right together.
    if (this.#met.inForce === inForce && this.#met.stored === record.sync) return;
    this.#met = { inForce, stored: record.sync };
    const union = new Set([...inForce.voters, ...record.sync.voters]);
    if (inForce.k + promiseQuorum(record.sync) <= union.size) {
      this.violation(
        `quorums meet: PostgreSQL has ${inForce.k} of ${inForce.voters.join(',')}, the store ${record.sync.k} of ${record.sync.voters.join(',')}`,
      );
    }
  }

  /** The end of a run, after healing. */
  final(): void {
    const record = this.#world.store.record;
    if (record?.phase.kind === 'active') this.#complete(record.phase.primary, 'at the end');
  }

  #complete(primary: string, when: string): void {
    const { postgres } = this.#world.agents.get(primary)!;
    const lost = this.#acknowledged.filter(({ record, position }) => !postgres.has(record, position));
    const undone = this.#read.find(({ record, position }) => !postgres.has(record, position));
    if (undone) {
      const { record, position, instance } = undone;
      this.violation(
        `no row is read and rolled back: ${primary} lacks ${record.id} at ${position}, read on ${instance}`,
      );
    }
    if (lost.length > 0) this.violation(`no acknowledged commit is lost: ${primary} lacks ${lost.length} ${when}`);
  }
}
