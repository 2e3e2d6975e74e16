/**
 * What was acknowledged, or is shown to clients of the rw route, is found again whoever is lost: every promise quorum of
 * the stored voters has one that holds it on disk, and so has whoever was chosen to lead since. Looked at in the moment
 * itself, because the failover that would show the loss may never come.
 */
import { type ClusterRecord, primaryOf } from '../../control-plane/model/cluster-record.ts';
import { promiseQuorum, type SyncConfig } from '../../control-plane/model/sync.ts';
import type { WalRecord } from './disk-model.ts';
import type { World } from './world.ts';

/** A row of WAL at its position. */
export interface Row {
  readonly record: WalRecord;
  readonly position: number;
}

export class Findable {
  readonly #world: World;
  readonly #broken: (text: string) => void;
  /** Of the acknowledged rows; whoever holds it holds all before it. */
  #newest: Row | null = null;
  /** Found to be well. */
  #shown: { readonly record: WalRecord; readonly sync: SyncConfig } | null = null;

  constructor(world: World, broken: (text: string) => void) {
    this.#world = world;
    this.#broken = broken;
  }

  /** @param epoch in which its primary leads */
  acknowledged(row: Row, epoch: number): void {
    if (this.#newest === null || row.position > this.#newest.position) this.#newest = row;
    const stored = this.#stored();
    if (!stored) return;
    this.#byVoters(row, stored, 'what is acknowledged');
    if (epoch < stored.epoch) this.#byLeader(row, stored);
  }

  /** Other voters, or another one who leads. */
  stored(record: ClusterRecord): void {
    const stored = this.#stored();
    if (!this.#newest || !stored) return;
    this.#byVoters(this.#newest, record, 'what was acknowledged');
    if (record.phase.kind === 'promoting') this.#byLeader(this.#newest, record);
  }

  /** A client of the rw route could read this as the newest. */
  shown(row: Row): void {
    const stored = this.#stored();
    if (!stored || (this.#shown?.record === row.record && this.#shown.sync === stored.sync)) return;
    this.#shown = { record: row.record, sync: stored.sync };
    this.#byVoters(row, stored, 'what is shown');
  }

  /** Asynchronous, nothing is promised. */
  #stored(): ClusterRecord | undefined {
    const { spec, store } = this.#world;
    return spec.durability.mode === 'async' ? undefined : store.record;
  }

  /** One without data vouches for nobody, until it is copied from whoever leads. */
  #byVoters({ record, position }: Row, { sync }: ClusterRecord, what: string): void {
    const lacking = sync.voters.filter((name) => {
      const { postgres } = this.#world.agents.get(name)!;
      const { disk } = postgres;
      // What is not synced goes with the power.
      return disk !== null && !(postgres.has(record, position) && position <= disk.flushed);
    });
    if (sync.k === 0 || lacking.length < promiseQuorum(sync)) return;
    this.#broken(
      `each promise quorum finds ${what}: ${lacking.join(',')} of ${sync.k}/${sync.voters.join(',')} lack ${record.id} at ${position}`,
    );
  }

  /** Whom the store names as the one that leads the present epoch, or is about to. */
  #byLeader({ record, position }: Row, { epoch, phase }: ClusterRecord): void {
    const leader = phase.kind === 'promoting' ? phase.candidate : phase.kind === 'fencing' ? '' : primaryOf(phase);
    if (leader === '' || this.#world.agents.get(leader)!.postgres.has(record, position)) return;
    this.#broken(
      `who leads has what earlier epochs acknowledge: ${leader} of epoch ${epoch} lacks ${record.id} at ${position}`,
    );
  }
}
