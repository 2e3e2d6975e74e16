/**
 * A small model of one PostgreSQL: crash recovery, standby and primary, quorum commit, reloads that each process gets
 * to at a time of its own, rewind and base backup. What it is told begins at once and ends by itself some time later.
 */
import type { Observed, Override } from '../../agent/observe/observed.ts';
import type { SyncConfig } from '../../control-plane/model/sync.ts';
import { Commits } from './commits.ts';
import {
  beginTimeline,
  copyOf,
  type Disk,
  loseUnsynced,
  newDisk,
  recover,
  takeWal,
  type WalRecord,
} from './disk-model.ts';
import { Freezer } from './freezer.ts';
import type { Kernel } from './kernel.ts';
import type { Network } from './network.ts';
import { type Run, serverView, UNRESPONSIVE_AFTER_MS } from './postgres-view.ts';
import { type Reader, SettingsModel } from './settings-model.ts';
import { Streams } from './streams.ts';
import { connect } from './wal-receiver.ts';
import type { WalStream } from './wal-stream.ts';

/** What the model needs of the world around it. */
export interface PostgresWorld {
  readonly kernel: Kernel;
  readonly network: Network;
  /** The instance that the local replication route leads to now; undefined = nowhere. */
  upstreamOf(instance: string): PostgresModel | undefined;
  acknowledged(primary: PostgresModel, record: WalRecord, position: number): void;
  /** Who takes writes, what commits wait for, or who streams from whom may be another now. */
  changed(): void;
}

export class PostgresModel {
  readonly name: string;
  readonly freezer: Freezer;
  readonly world: PostgresWorld;
  #disk: Disk | null = null;
  #run: Run = { kind: 'stopped', how: 'boot' };
  readonly settings: SettingsModel;
  #stopping = false;
  readonly streams = new Streams(() => {
    this.#changed();
    this.world.changed();
  });
  readonly #commits = new Commits();
  /** Rises with each start and stop: what an earlier process scheduled is void. */
  #life = 0;
  /** Rises with all that an observation could show. */
  version = 0;
  /** An fsync takes up to seconds. */
  slowDisk = false;
  /** The process ended by itself; there may be something to observe. */
  onCrash: () => void = () => {};
  onChange: () => void = () => {};

  constructor(name: string, world: PostgresWorld) {
    this.name = name;
    this.world = world;
    this.freezer = new Freezer(world.kernel);
    this.settings = new SettingsModel(world.kernel, this.freezer, {
      life: () => this.#life,
      onRead: (process, stream) => this.#readBy(process, stream),
    });
  }

  get disk(): Disk | null {
    return this.#disk;
  }

  get kind(): Run['kind'] {
    return this.#run.kind;
  }

  /** Of its process: sessions end with it. */
  get run(): number {
    return this.#life;
  }

  get running(): boolean {
    return this.#run.kind === 'primary' || this.#run.kind === 'standby';
  }

  get isPrimary(): boolean {
    return this.#run.kind === 'primary';
  }

  get syncInForce(): SyncConfig | undefined {
    return this.settings.sync;
  }

  /** pg_hba.conf, which is read with the settings, lets no client in. */
  get closed(): boolean {
    return this.settings.shown.closed;
  }

  /** The session of the agent shows what the file holds, and backends wait if it says so. */
  shows(override: Override): boolean {
    return this.settings.shows(override);
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
      history: disk ? disk.history : [],
      server: serverView({
        disk,
        run: this.#run,
        frozenMs: this.freezer.frozenMs,
        stopping: this.#stopping,
        shown: this.settings.shown,
        sync: this.settings.sync,
        streaming: this.streams.upstream !== null,
        waiting: this.#commits.length,
        senders: this.streams.senders,
      }),
    };
  }

  #changed(): void {
    this.version++;
    this.onChange();
  }

  initdb(systemId: string): void {
    const disk = newDisk(systemId);
    this.#disk = disk;
    this.#append(disk.timeline);
    disk.flushed = disk.wal.length;
    this.#changed();
  }

  start(role: 'primary' | 'standby', override: Override): void {
    const disk = this.#disk!;
    disk.override = override;
    disk.standbySignal = role === 'standby';
    this.#run = { kind: 'starting' };
    this.#stopping = false;
    const life = ++this.#life;
    this.freezer.after(this.world.kernel.random.between(20, 250), () => this.#life === life && this.#started(disk));
    this.#changed();
  }

  #started(disk: Disk): void {
    this.settings.begin(disk.override);
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
    this.#changed();
    this.world.changed();
  }

  /** Begins `timeline`, as the production agent has PostgreSQL do by taking the numbers before it. */
  promote(timeline: number): void {
    const run = this.#run;
    if (run.kind !== 'standby' || run.promoting) return;
    run.promoting = true;
    const life = this.#life;
    this.freezer.after(this.world.kernel.random.between(10, 80), () => this.#life === life && this.#promoted(timeline));
    this.#changed();
  }

  #promoted(timeline: number): void {
    const disk = this.#disk!;
    this.streams.dropUpstream();
    beginTimeline(disk, timeline);
    this.#lead(disk);
    this.streams.send();
    this.#changed();
    this.world.changed();
  }

  /** End of recovery writes a record of its own. */
  #lead(disk: Disk): void {
    this.#append(disk.timeline);
    disk.flushed = disk.wal.length;
    this.#run = { kind: 'primary', endOfRecovery: disk.flushed, checkpointing: false };
    this.#commits.visible = disk.flushed;
  }

  createSlots(drop: readonly string[], create: readonly string[]): void {
    const disk = this.#disk;
    if (disk) {
      disk.slots = [...disk.slots.filter((slot) => !drop.includes(slot)), ...create];
      disk.reserved = disk.reserved.filter((slot) => !drop.includes(slot));
    }
    this.#changed();
    this.world.changed();
  }

  checkpoint(): void {
    if (this.#run.kind === 'primary') this.#disk!.checkpointTimeline = this.#disk!.timeline;
    this.#changed();
  }

  /** Fast: the last record reaches the connected standbys before the process ends. Immediate: it ends at once. */
  stop(mode: 'fast' | 'immediate'): void {
    if (this.#run.kind === 'stopped') return;
    this.#stopping = true;
    const life = this.#life;
    const end = () => {
      if (this.#life !== life) return;
      if (mode === 'fast') this.#shutDown();
      this.#end('requested', false);
    };
    const ms = this.world.kernel.random.between(5, mode === 'fast' ? 80 : 30);
    // SIGKILL follows where a frozen process does not end by itself.
    if (mode === 'fast') this.freezer.after(ms, end);
    else this.world.kernel.after(ms, end);
  }

  #shutDown(): void {
    const disk = this.#disk;
    if (!disk || !this.running) return;
    if (this.#run.kind === 'primary') {
      this.#append(disk.timeline);
      disk.flushed = disk.wal.length;
      this.streams.sendLast(disk);
    }
    disk.clean = true;
  }

  /** kill -9. */
  crash(): void {
    if (this.#run.kind === 'stopped') return;
    this.#end('crashed', false);
    this.onCrash();
  }

  die(power: boolean): void {
    this.#end('boot', power);
  }

  freeze(): void {
    this.freezer.freeze();
    this.world.kernel.after(UNRESPONSIVE_AFTER_MS + 1, () => this.#changed());
  }

  thaw(): void {
    this.freezer.thaw();
    this.#changed();
  }

  #end(how: 'boot' | 'requested' | 'crashed', power: boolean): void {
    const disk = this.#disk;
    this.#life++;
    this.#stopping = false;
    this.#run = { kind: 'stopped', how };
    this.#commits.clear();
    this.freezer.thaw();
    this.streams.end();
    if (disk && !disk.clean) loseUnsynced(disk, power, this.world.kernel.random);
    this.#changed();
    this.world.changed();
  }

  /** A pg_basebackup or pg_rewind from a running primary: false when that can't be copied from. */
  copyFrom(source: PostgresModel): boolean {
    const from = source.#disk;
    if (!from || !source.isPrimary || source.freezer.frozen) return false;
    this.#disk = copyOf(from);
    this.#disk.flushed = this.#disk.wal.length;
    this.#changed();
    return true;
  }

  /** The data directory gets another name. */
  setAside(): void {
    this.#disk = null;
    this.#changed();
  }

  /** Writes the settings file and has all processes read it. */
  configure(override: Override): void {
    const disk = this.#disk;
    if (!disk) return;
    const before = disk.override;
    disk.override = override;
    if (this.running) this.settings.reload(disk, before, this.streams.senders);
  }

  #readBy(process: Reader, stream: WalStream | null): void {
    switch (process) {
      case 'startup':
        this.streams.dropUpstream();
        break;
      case 'checkpointer':
        // All that wait are let go.
        if (!this.settings.waits) this.#commits.release(Number.POSITIVE_INFINITY);
        break;
      case 'walsender':
        if (stream) this.#commits.releaseBy(stream, this.streams.senders);
        break;
      case 'session':
        break;
    }
    this.#changed();
    this.world.changed();
  }

  /** The newest record that a reader sees, with its position; null = it takes no queries. */
  read(): { readonly record: WalRecord; readonly position: number } | null {
    const record = this.#disk?.wal[this.#commits.visible - 1];
    if (this.#run.kind !== 'primary' || this.freezer.frozen || !record) return null;
    return { record, position: this.#commits.visible };
  }

  /** A transaction; a frozen server takes it when it thaws. `onAck`: success without a warning. */
  write(id: number, onAck: () => void): void {
    this.freezer.run(() => {
      if (this.#run.kind !== 'primary') return;
      const disk = this.#disk!;
      const record = this.#append(disk.timeline, id);
      const position = disk.wal.length;
      this.#afterSync(() => {
        disk.flushed = Math.max(disk.flushed, position);
        this.#commits.add(position, () => {
          this.world.acknowledged(this, record, position);
          onAck();
        });
        if (!this.settings.waits) this.#commits.release(position);
        this.streams.send();
        for (const stream of this.streams.senders) this.#commits.releaseBy(stream, this.streams.senders);
        this.version++;
      });
    });
  }

  /** A client gives up to wait for standbys: its row stays, and is not acknowledged. */
  cancelCommit(): boolean {
    return this.#commits.cancelOne();
  }

  /** An fsync's time later, if the process still runs. */
  #afterSync(action: () => void): void {
    const life = this.#life;
    const ms = this.world.kernel.random.between(0.1, this.slowDisk ? 800 : 1.5);
    this.freezer.after(ms, () => this.#life === life && action());
  }

  /** A WAL receiver tries each few milliseconds; called by the world's clockwork. */
  connectReceiver(): void {
    const disk = this.#disk;
    const run = this.#run;
    if (!disk || run.kind !== 'standby' || run.promoting || this.streams.upstream || this.freezer.frozen) return;
    const stream = connect(this, disk, this.settings);
    if (!stream) return;
    // With another timeline the receive position begins anew.
    if (stream.source.disk?.timeline !== disk.timeline) run.receivedSinceStart = false;
    this.#changed();
  }

  receive(stream: WalStream, source: Disk, upTo: number, syncNow: boolean): void {
    const disk = this.#disk;
    if (!disk || this.#run.kind !== 'standby' || this.streams.upstream !== stream) return;
    const run = this.#run;
    takeWal(disk, source, upTo);
    const flush = () => {
      if (disk !== this.#disk || upTo > disk.wal.length) return;
      disk.flushed = Math.max(disk.flushed, upTo);
      run.receivedSinceStart = true;
      this.streams.send();
      this.#changed();
      stream.reply();
    };
    if (syncNow) flush();
    else this.#afterSync(flush);
  }

  /** A reply of a standby came. */
  replied(stream: WalStream): void {
    this.#commits.releaseBy(stream, this.streams.senders);
    this.#changed();
  }

  #append(timeline: number, id?: number): WalRecord {
    const record = { id: id ?? this.world.kernel.random.next(), timeline };
    this.#disk!.wal.push(record);
    return record;
  }
}
