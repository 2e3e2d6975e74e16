/**
 * One replication connection: a walsender of the source and the WAL receiver of a standby. Each side learns of its end
 * by itself. A walsender reads the configuration when it gets to it, and counts and releases commits by what it read.
 */
import { NO_SYNC, type SyncConfig } from '../../control-plane/model/sync.ts';
import type { Disk } from './disk-model.ts';
import type { Kernel } from './kernel.ts';
import type { Network } from './network.ts';
import type { PostgresModel } from './postgres-model.ts';

/** Either side of a stream that hangs gives it up after this long (wal_sender_timeout, wal_receiver_timeout). */
const STREAM_TIMEOUT_MS = 5000;
/** A standby tells its position this often (wal_receiver_status_interval). */
const STATUS_EVERY_MS = 1000;

export class WalStream {
  readonly source: PostgresModel;
  readonly standby: PostgresModel;
  /** application_name. */
  readonly name: string;
  readonly slot: string;
  /** What the walsender takes for synchronous_standby_names; undefined: a text that Howdah did not write. */
  sync: SyncConfig | undefined = NO_SYNC;
  /** Told by the standby. */
  flushed = 0;
  /** Replies of the standby. */
  replies = 0;
  senderOpen = true;
  receiverOpen = true;
  readonly #kernel: Kernel;
  readonly #network: Network;
  #sent = -1;
  #repliedAt = 0;
  /** Since when nothing gets through; null = it does. */
  #silentSince: number | null = null;

  constructor(ends: { source: PostgresModel; standby: PostgresModel }, name: string, slot: string) {
    this.source = ends.source;
    this.standby = ends.standby;
    this.name = name;
    this.slot = slot;
    this.#kernel = ends.source.world.kernel;
    this.#network = ends.source.world.network;
  }

  /** Its walsender counts for the quorum, as pg_stat_replication shows. */
  get counts(): boolean {
    return this.sync?.voters.includes(this.name) === true;
  }

  /** Sends what the source has flushed since. */
  send(): void {
    const { source, standby } = this;
    const disk = source.disk;
    if (!disk || this.#sent === disk.flushed) return;
    const upTo = disk.flushed;
    this.#sent = upTo;
    source.freezer.after(this.#kernel.random.between(0.1, 3), () => {
      if (!this.senderOpen) return;
      if (this.#network.reachable(source.name, standby.name)) {
        standby.freezer.run(() => this.#arrive(disk, upTo));
        return;
      }
      this.#network.afterHeal(() => {
        if (!this.senderOpen) return;
        this.#sent = -1;
        this.send();
      });
    });
  }

  /** The last record of a clean shutdown, which the source waits for. */
  sendLast(disk: Disk): void {
    if (!this.receiverOpen || !this.#network.connected(this.source.name, this.standby.name)) return;
    this.standby.receive(this, disk, disk.wal.length, true);
  }

  #arrive(disk: Disk, upTo: number): void {
    if (this.receiverOpen) this.standby.receive(this, disk, upTo, false);
  }

  /** What has been flushed, told to the primary, if the receiver still runs when it leaves. */
  reply(): void {
    const { source, standby } = this;
    const flushed = standby.disk?.flushed ?? 0;
    standby.freezer.after(this.#kernel.random.between(0.1, 3), () => {
      if (!this.receiverOpen) return;
      if (this.#network.reachable(standby.name, source.name)) {
        source.freezer.run(() => this.#replied(flushed));
      } else this.#network.afterHeal(() => this.receiverOpen && this.reply());
    });
  }

  #replied(flushed: number): void {
    if (!this.senderOpen) return;
    this.replies++;
    this.#repliedAt = this.#kernel.now;
    this.flushed = Math.max(this.flushed, flushed);
    this.source.replied(this);
  }

  /** The network or the other end went away; called by the world's clockwork. */
  check(): void {
    const { source, standby } = this;
    const { now } = this.#kernel;
    const flows =
      this.senderOpen &&
      this.receiverOpen &&
      !standby.freezer.frozen &&
      !source.freezer.frozen &&
      this.#network.connected(standby.name, source.name);
    if (flows) {
      this.#silentSince = null;
      if (now - this.#repliedAt <= STATUS_EVERY_MS) return;
      this.replies++;
      this.#repliedAt = now;
      source.replied(this);
      return;
    }
    this.#silentSince ??= now;
    const timedOut = now - this.#silentSince > STREAM_TIMEOUT_MS;
    if (this.senderOpen && !source.freezer.frozen) {
      const told = !this.receiverOpen && this.#network.reachable(standby.name, source.name);
      if (told || timedOut) source.streams.senderGone(this);
    }
    if (this.receiverOpen && !standby.freezer.frozen) {
      const told = !this.senderOpen && this.#network.reachable(source.name, standby.name);
      if (told || timedOut) standby.streams.dropUpstream();
    }
  }
}
