/**
 * A small model of one PostgreSQL: crash recovery, standby and primary, quorum commit, streaming with per-standby
 * flush over connections that can hang, rewind and base backup. In one file: every method is a change of one state.
 */
import type { Observed, Override } from '../../agent/observe/observed.ts';
import { NO_SYNC, parseSync, type SyncConfig } from '../../control-plane/model/sync.ts';
import { CommitQueue } from './commit-queue.ts';
import { copyOf, type Disk, loseUnsynced, lsnOf, NO_OVERRIDE, newDisk, recover, type WalRecord } from './disk-model.ts';
import { Freezer } from './freezer.ts';
import type { Kernel } from './kernel.ts';
import type { Network } from './network.ts';
import { type Run, serverView } from './postgres-view.ts';

/** Either side of a stream that hangs gives it up after this long (wal_sender_timeout, wal_receiver_timeout). */
const STREAM_TIMEOUT_MS = 5000;
/** A standby tells its position this often (wal_receiver_status_interval). */
const STATUS_EVERY_MS = 1000;

/** A walsender, and the connection it serves. */
interface Sender {
  readonly standby: PostgresModel;
  readonly source: PostgresModel;
  readonly slot: string;
  flushed: number;
  sent: number;
  /** Replies of the standby, and when the last one came. */
  replies: number;
  repliedAt: number;
  /** Since when nothing gets through; null = it does. */
  silentSince: number | null;
}

/** What the model needs of the world around it. */
export interface PostgresWorld {
  readonly kernel: Kernel;
  readonly network: Network;
  /** The instance that the local replication route leads to now; undefined = nowhere. */
  upstreamOf(instance: string): PostgresModel | undefined;
  acknowledged(primary: PostgresModel, record: WalRecord, position: number): void;
}

export class PostgresModel {
  readonly name: string;
  readonly freezer: Freezer;
  readonly #world: PostgresWorld;
  #disk: Disk | null = null;
  #run: Run = { kind: 'stopped', how: 'boot' };
  /** Settings in force: a reload takes the file's. */
  #inForce: Override = NO_OVERRIDE;
  #sync: SyncConfig | undefined = NO_SYNC;
  /** The running WAL receiver's connection. */
  #upstream: Sender | null = null;
  /** By application name. */
  readonly #walsenders = new Map<string, Sender>();
  readonly #commits = new CommitQueue();
  /** Up to here other sessions see what was committed: acknowledged, or found by recovery. */
  #visible = 0;
  /** Rises with each start and stop: what an earlier process scheduled is void. */
  #life = 0;
  /** An fsync takes up to seconds. */
  slowDisk = false;
  /** Called when the process ends by itself. */
  onCrash: () => void = () => {};

  constructor(name: string, world: PostgresWorld) {
    this.name = name;
    this.#world = world;
    this.freezer = new Freezer(world.kernel);
  }

  get running(): boolean {
    return this.#run.kind === 'primary' || this.#run.kind === 'standby';
  }

  get isPrimary(): boolean {
    return this.#run.kind === 'primary';
  }

  get syncInForce(): SyncConfig | undefined {
    return this.#sync;
  }

  has(record: WalRecord, position: number): boolean {
    return this.#disk?.wal[position - 1]?.id === record.id;
  }

  observe(replicationPort: number): Omit<Observed, 'leaseHeld'> {
    const disk = this.#disk;
    return {
      instance: this.name,
      replicationPort,
      systemId: disk?.systemId ?? '',
      timeline: disk?.timeline ?? 0,
      history: disk ? [...disk.history] : [],
      server: serverView({
        disk,
        run: this.#run,
        frozenMs: this.freezer.frozenMs,
        inForce: this.#inForce,
        sync: this.#sync,
        streaming: this.#upstream !== null,
        waiting: this.#commits.length,
        senders: this.#walsenders,
      }),
    };
  }

  // --- what the agent does to it; each call is one effect that has happened when it returns

  initdb(systemId: string): void {
    const disk = newDisk(systemId);
    this.#disk = disk;
    this.#append(disk.timeline);
    disk.flushed = disk.wal.length;
  }

  configure(override: Override): void {
    if (!this.#disk) return;
    this.#disk.override = override;
    const life = this.#life;
    this.freezer.run(() => {
      if (!this.running || this.#life !== life) return;
      const sourceChanged = this.#inForce.primaryConninfo !== override.primaryConninfo;
      this.#takeSettings(override);
      if (sourceChanged) this.#dropSource();
      this.#evaluateWaiters();
    });
  }

  #takeSettings(override: Override): void {
    this.#inForce = override;
    this.#sync = parseSync(override.synchronousStandbyNames);
  }

  beginStart(role: 'primary' | 'standby', override: Override): void {
    const disk = this.#disk!;
    disk.override = override;
    disk.standbySignal = role === 'standby';
    this.#life++;
    this.#run = { kind: 'starting' };
  }

  finishStart(): void {
    const disk = this.#disk;
    if (!disk || this.#run.kind !== 'starting') return;
    this.#takeSettings(disk.override);
    disk.clean = false;
    recover(disk);
    if (disk.standbySignal) {
      disk.ranAs = 'standby';
      this.#run = { kind: 'standby', receivedSinceStart: false, promoting: false };
    } else {
      disk.ranAs = 'primary';
      this.#lead(disk);
      disk.checkpointTimeline = disk.timeline;
    }
  }

  /** Begins `timeline`, as the production agent has PostgreSQL do by taking the numbers before it. */
  promote(timeline: number): void {
    this.freezer.run(() => {
      const disk = this.#disk;
      if (!disk || this.#run.kind !== 'standby') return;
      this.#dropSource();
      // What was received and not synced is replayed too.
      recover(disk);
      disk.history = [...disk.history, { timeline: disk.timeline, endLsn: lsnOf(disk.wal.length) }];
      disk.timeline = timeline;
      disk.standbySignal = false;
      disk.ranAs = 'primary';
      this.#lead(disk);
      this.#flushedMore();
    });
  }

  /** End of recovery writes a record of its own. */
  #lead(disk: Disk): void {
    this.#append(disk.timeline);
    disk.flushed = disk.wal.length;
    this.#run = { kind: 'primary', endOfRecovery: disk.flushed, checkpointing: false };
    this.#visible = disk.flushed;
  }

  createSlots(drop: readonly string[], create: readonly string[]): void {
    if (this.#disk) this.#disk.slots = [...this.#disk.slots.filter((slot) => !drop.includes(slot)), ...create];
  }

  checkpoint(): void {
    if (this.#run.kind === 'primary') this.#disk!.checkpointTimeline = this.#disk!.timeline;
  }

  /** A clean shutdown: the last record reaches the connected standbys before the process ends. */
  stopFast(): void {
    const life = this.#life;
    this.freezer.run(() => {
      const disk = this.#disk;
      if (!disk || this.#life !== life) return;
      if (this.running) {
        if (this.#run.kind === 'primary') {
          this.#append(disk.timeline);
          disk.flushed = disk.wal.length;
          for (const [name, sender] of this.#walsenders) {
            if (this.#world.network.connected(this.name, name))
              sender.standby.#receive(sender, disk, disk.wal.length, true);
          }
        }
        disk.clean = true;
      }
      this.#end('requested', false);
    });
  }

  stopImmediate(): void {
    this.#end('requested', false);
  }

  /** kill -9. */
  crash(): void {
    if (this.#run.kind === 'stopped') return;
    this.#end('crashed', false);
    this.onCrash();
  }

  /** The whole instance died; its next agent finds it stopped. */
  die(power: boolean): void {
    this.#end('boot', power);
  }

  #end(how: 'boot' | 'requested' | 'crashed', power: boolean): void {
    const disk = this.#disk;
    const { network, kernel } = this.#world;
    this.#life++;
    this.#run = { kind: 'stopped', how };
    this.#commits.clear();
    this.freezer.thaw();
    this.#dropSource();
    for (const [name, sender] of this.#walsenders) {
      if (network.reachable(this.name, name)) sender.standby.#sourceLost(sender);
    }
    this.#walsenders.clear();
    if (disk && !disk.clean) loseUnsynced(disk, power, kernel.random);
  }

  /** pg_rewind: what the source doesn't have is undone. */
  rewindFrom(source: PostgresModel): boolean {
    return this.#copyFrom(source);
  }

  basebackupFrom(source: PostgresModel): boolean {
    return this.#copyFrom(source);
  }

  /** The data directory gets another name. */
  setAside(): void {
    this.#disk = null;
  }

  #copyFrom(source: PostgresModel): boolean {
    const from = source.#disk;
    if (!from || !source.isPrimary || source.freezer.frozen) return false;
    this.#disk = copyOf(from);
    this.#disk.flushed = this.#disk.wal.length;
    return true;
  }

  // --- clients

  /** The newest record that a reader sees, with its position; null = it takes no queries. */
  read(): { readonly record: WalRecord; readonly position: number } | null {
    const record = this.#disk?.wal[this.#visible - 1];
    if (this.#run.kind !== 'primary' || this.freezer.frozen || !record) return null;
    return { record, position: this.#visible };
  }

  /** A transaction; a frozen server takes it when it thaws. */
  write(id: number): void {
    this.freezer.run(() => {
      if (this.#run.kind !== 'primary') return;
      const disk = this.#disk!;
      const record = this.#append(disk.timeline, id);
      const position = disk.wal.length;
      this.#afterSync(() => {
        disk.flushed = Math.max(disk.flushed, position);
        this.#commits.add(position, () => this.#world.acknowledged(this, record, position));
        this.#flushedMore();
        this.#evaluateWaiters();
      });
    });
  }

  /** An fsync's time later, if the process still runs. */
  #afterSync(action: () => void): void {
    const life = this.#life;
    const ms = this.#world.kernel.random.between(0.1, this.slowDisk ? 800 : 1.5);
    this.freezer.after(ms, () => this.#life === life && action());
  }

  #evaluateWaiters(): void {
    if (this.#run.kind !== 'primary') return;
    const released = this.#commits.release(this.#sync, (voter) => this.#walsenders.get(voter)?.flushed ?? 0);
    this.#visible = Math.max(this.#visible, released);
  }

  // --- streaming

  /** A WAL receiver tries each few milliseconds; called by the world's clockwork. */
  connectReceiver(): void {
    const disk = this.#disk;
    if (!disk || this.#run.kind !== 'standby' || this.#inForce.primaryConninfo === '' || this.#upstream) return;
    const source = this.#world.upstreamOf(this.name);
    if (!source || source === this || !source.running || source.freezer.frozen || this.freezer.frozen) return;
    if (!this.#world.network.connected(this.name, source.name) || !source.#contains(disk)) return;
    const slot = this.#inForce.primarySlotName;
    if (!source.#disk?.slots.includes(slot)) return;
    const sender: Sender = {
      standby: this,
      source,
      slot,
      flushed: 0,
      sent: -1,
      replies: 0,
      repliedAt: 0,
      silentSince: null,
    };
    this.#upstream = sender;
    source.#walsenders.set(this.name, sender);
    source.#send(sender);
  }

  /** The standby's end of WAL lies on this one's history. */
  #contains(standby: Disk): boolean {
    const mine = this.#disk!;
    const last = standby.wal.length;
    if (last > mine.flushed) return false;
    return last === 0 || mine.wal[last - 1]!.id === standby.wal[last - 1]!.id;
  }

  #isOpen(sender: Sender): boolean {
    return this.#walsenders.get(sender.standby.name) === sender;
  }

  #send(sender: Sender): void {
    const disk = this.#disk!;
    const upTo = disk.flushed;
    if (sender.sent === upTo) return;
    sender.sent = upTo;
    this.freezer.after(this.#world.kernel.random.between(0.1, 3), () => {
      if (!this.#isOpen(sender)) return;
      const { standby } = sender;
      if (this.#world.network.reachable(this.name, standby.name)) {
        standby.freezer.run(() => standby.#receive(sender, disk, upTo, false));
      } else this.#sendAgain(sender);
    });
  }

  #sendAgain(sender: Sender): void {
    this.freezer.after(this.#world.kernel.random.between(20, 120), () => {
      if (!this.#isOpen(sender)) return;
      sender.sent = -1;
      this.#send(sender);
    });
  }

  #receive(sender: Sender, source: Disk, upTo: number, syncNow: boolean): void {
    const disk = this.#disk;
    if (!disk || this.#run.kind !== 'standby' || this.#upstream !== sender) return;
    for (let i = disk.wal.length; i < upTo; i++) disk.wal.push(source.wal[i]!);
    this.#run.receivedSinceStart = true;
    // The file of a timeline's history comes before its first WAL.
    const newest = disk.wal.at(-1)?.timeline ?? 0;
    if (newest > disk.timeline) {
      disk.timeline = newest;
      disk.history = source.history.filter((s) => s.timeline < newest);
    }
    const flush = () => {
      if (disk !== this.#disk || upTo > disk.wal.length) return;
      disk.flushed = Math.max(disk.flushed, upTo);
      this.#flushedMore();
      this.#reply(sender);
    };
    if (syncNow) flush();
    else this.#afterSync(flush);
  }

  /** What has been flushed, told to the primary, if this receiver still runs when it leaves. */
  #reply(sender: Sender): void {
    const flushed = this.#disk!.flushed;
    this.freezer.after(this.#world.kernel.random.between(0.1, 3), () => {
      if (this.#upstream !== sender) return;
      const { source } = sender;
      if (this.#world.network.reachable(this.name, source.name)) {
        source.freezer.run(() => source.#flushReply(sender, flushed));
      } else this.freezer.after(this.#world.kernel.random.between(20, 120), () => this.#replyAgain(sender));
    });
  }

  #replyAgain(sender: Sender): void {
    if (this.#upstream === sender && this.#disk) this.#reply(sender);
  }

  #flushReply(sender: Sender, flushed: number): void {
    if (!this.#isOpen(sender)) return;
    sender.replies++;
    sender.repliedAt = this.#world.kernel.now;
    sender.flushed = Math.max(sender.flushed, flushed);
    this.#evaluateWaiters();
  }

  #flushedMore(): void {
    for (const sender of this.#walsenders.values()) this.#send(sender);
  }

  #sourceLost(sender: Sender): void {
    if (this.#upstream === sender) this.#upstream = null;
  }

  #dropSource(): void {
    const sender = this.#upstream;
    this.#upstream = null;
    if (sender === null) return;
    if (!sender.source.#isOpen(sender)) return;
    // Cut off, the walsender learns of it by its time limit only.
    if (this.#world.network.reachable(this.name, sender.source.name)) sender.source.#walsenders.delete(this.name);
  }

  /** The route or the network below streams went away; called by the world's clockwork. */
  checkStreams(): void {
    for (const sender of this.#walsenders.values()) {
      const gone = sender.standby.#upstream !== sender;
      if (this.#timedOut(sender, gone)) this.#walsenders.delete(sender.standby.name);
    }
    const sender = this.#upstream;
    if (!sender) return;
    const { source } = sender;
    const hears = this.#world.network.reachable(source.name, this.name);
    const gone = hears && !source.#isOpen(sender);
    if (gone || this.#world.upstreamOf(this.name) !== source || this.#timedOut(sender, false)) this.#dropSource();
  }

  #timedOut(sender: Sender, gone: boolean): boolean {
    const { kernel, network } = this.#world;
    const { standby, source } = sender;
    const flows =
      !gone && !standby.freezer.frozen && !source.freezer.frozen && network.connected(standby.name, source.name);
    if (flows) {
      sender.silentSince = null;
      if (kernel.now - sender.repliedAt > STATUS_EVERY_MS) {
        sender.replies++;
        sender.repliedAt = kernel.now;
      }
    } else sender.silentSince ??= kernel.now;
    return sender.silentSince !== null && kernel.now - sender.silentSince > STREAM_TIMEOUT_MS;
  }

  #append(timeline: number, id?: number): WalRecord {
    const record = { id: id ?? this.#world.kernel.random.next(), timeline };
    this.#disk!.wal.push(record);
    return record;
  }
}
