/**
 * A small model of one PostgreSQL: crash recovery, standby and primary, quorum commit, reloads that each process gets
 * to at a time of its own, rewind and base backup. What it is told begins at once and ends by itself some time later.
 */
import type { Observed, Override } from '../../agent/observe/observed.ts';
import { parseSync, type SyncConfig } from '../../control-plane/model/sync.ts';
import { Commits } from './commits.ts';
import { copyOf, type Disk, loseUnsynced, lsnOf, newDisk, recover, type WalRecord } from './disk-model.ts';
import { Freezer } from './freezer.ts';
import type { Kernel } from './kernel.ts';
import type { Network } from './network.ts';
import { type Run, serverView, UNRESPONSIVE_AFTER_MS } from './postgres-view.ts';
import { SettingsModel } from './settings-model.ts';
import { WalStream } from './wal-stream.ts';

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
  readonly #settings = new SettingsModel();
  #stopping = false;
  /** The running WAL receiver's connection. */
  #upstream: WalStream | null = null;
  #senders: WalStream[] = [];
  readonly #commits = new Commits();
  /** Rises with each start and stop: what an earlier process scheduled is void. */
  #life = 0;
  /** Rises with all that an observation could show. */
  version = 0;
  /** An fsync takes up to seconds. */
  slowDisk = false;
  /** Called when the process ends by itself. */
  onCrash: () => void = () => {};
  /** Called when there may be something to observe. */
  onChange: () => void = () => {};

  constructor(name: string, world: PostgresWorld) {
    this.name = name;
    this.world = world;
    this.freezer = new Freezer(world.kernel);
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
    return this.#settings.sync;
  }

  /** The walsenders, each with the setting that it goes by. */
  get senders(): readonly WalStream[] {
    return this.#senders;
  }

  /** The session of the agent shows what the file holds, and backends wait if it says so. */
  shows(override: Override): boolean {
    return this.#settings.shows(override);
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
        shown: this.#settings.shown,
        sync: this.#settings.sync,
        streaming: this.#upstream !== null,
        waiting: this.#commits.length,
        senders: this.#senders,
      }),
    };
  }

  #changed(): void {
    this.version++;
    this.onChange();
  }

  // --- the process

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
    this.#settings.begin(disk.override);
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
    this.#dropSource();
    // What was received and not synced is replayed too.
    recover(disk);
    disk.history = [...disk.history, { timeline: disk.timeline, endLsn: lsnOf(disk.wal.length) }];
    disk.timeline = timeline;
    disk.standbySignal = false;
    disk.ranAs = 'primary';
    this.#lead(disk);
    this.#flushedMore();
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
    if (this.#disk) this.#disk.slots = [...this.#disk.slots.filter((slot) => !drop.includes(slot)), ...create];
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
      for (const stream of this.#senders) stream.sendLast(disk);
    }
    disk.clean = true;
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
    this.#dropSource();
    for (const stream of this.#senders) stream.senderOpen = false;
    for (const stream of this.#senders) if (stream.receiverOpen) stream.check();
    this.#senders = [];
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

  // --- settings

  /** Writes the file and has all processes read it: each does so when it gets to it, and takes what it finds then. */
  configure(override: Override): void {
    const disk = this.#disk;
    if (!disk) return;
    const waitedForNobody = disk.override.synchronousStandbyNames === '';
    disk.override = override;
    if (!this.running) return;
    this.#reread(() => this.#readBySession(disk));
    this.#reread(() => this.#readByStartup(disk));
    // The agent has the checkpointer read it before it goes on, where backends would not wait otherwise.
    if (!waitedForNobody || override.synchronousStandbyNames === '') this.#reread(() => this.#readByCheckpointer(disk));
    else this.freezer.run(() => this.#readByCheckpointer(disk));
    for (const stream of this.#senders) this.#reread(() => this.#readBySender(disk, stream));
  }

  #reread(read: () => void): void {
    const { random } = this.world.kernel;
    const life = this.#life;
    const late = random.chance(0.1) ? random.between(1, 30) : random.between(0.05, 2);
    const reads = () => this.#life === life && read();
    if (random.chance(0.5)) this.freezer.run(reads);
    else this.freezer.after(late, reads);
  }

  #readBySession({ override }: Disk): void {
    this.#settings.readBySession(override);
    this.#changed();
    this.world.changed();
  }

  #readByStartup({ override }: Disk): void {
    if (this.#settings.readByStartup(override)) this.#dropSource();
    this.world.changed();
  }

  #readByCheckpointer({ override }: Disk): void {
    this.#settings.readByCheckpointer(override);
    // All that wait are let go.
    if (!this.#settings.waits) this.#commits.release(Number.POSITIVE_INFINITY);
    this.#changed();
  }

  #readBySender({ override }: Disk, stream: WalStream): void {
    stream.sync = parseSync(override.synchronousStandbyNames);
    this.#commits.releaseBy(stream, this.#senders);
    this.#changed();
    this.world.changed();
  }

  // --- clients

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
        if (!this.#settings.waits) this.#commits.release(position);
        this.#flushedMore();
        for (const stream of this.#senders) this.#commits.releaseBy(stream, this.#senders);
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

  // --- streaming

  /** A WAL receiver tries each few milliseconds; called by the world's clockwork. */
  connectReceiver(): void {
    const disk = this.#disk;
    if (!disk || this.#run.kind !== 'standby' || this.#run.promoting || this.#upstream) return;
    const { conninfo, slot, applicationName } = this.#settings;
    if (conninfo === '' || this.freezer.frozen) return;
    const source = this.world.upstreamOf(this.name);
    if (!source || source === this || !source.running || source.freezer.frozen) return;
    if (!this.world.network.connected(this.name, source.name) || !source.#contains(disk)) return;
    // A slot serves one connection at a time.
    if (!source.#disk?.slots.includes(slot) || source.#senders.some((other) => other.slot === slot)) return;
    const stream = new WalStream({ source, standby: this }, applicationName, slot);
    stream.sync = parseSync(source.#disk.override.synchronousStandbyNames);
    this.#upstream = stream;
    source.#senders.push(stream);
    stream.send();
    this.#changed();
    source.#changed();
  }

  /** The standby's end of WAL lies on this one's history. */
  #contains(standby: Disk): boolean {
    const mine = this.#disk!;
    const last = standby.wal.length;
    if (last > mine.flushed) return false;
    return last === 0 || mine.wal[last - 1]!.id === standby.wal[last - 1]!.id;
  }

  receive(stream: WalStream, source: Disk, upTo: number, syncNow: boolean): void {
    const disk = this.#disk;
    if (!disk || this.#run.kind !== 'standby' || this.#upstream !== stream) return;
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
      this.#changed();
      stream.reply();
    };
    if (syncNow) flush();
    else this.#afterSync(flush);
  }

  /** A reply of a standby came. */
  replied(stream: WalStream): void {
    this.#commits.releaseBy(stream, this.#senders);
    this.#changed();
  }

  #flushedMore(): void {
    for (const stream of this.#senders) stream.send();
  }

  senderGone(stream: WalStream): void {
    stream.senderOpen = false;
    this.#senders = this.#senders.filter((other) => other !== stream);
    this.#changed();
  }

  /** The WAL receiver saw the end of its connection, or was stopped. */
  receiverGone(): void {
    this.#dropSource();
    this.world.changed();
  }

  #dropSource(): void {
    const stream = this.#upstream;
    this.#upstream = null;
    if (stream === null) return;
    stream.receiverOpen = false;
    // Cut off, the walsender learns of it by its time limit only.
    stream.check();
    this.#changed();
  }

  /** The route or the network below streams went away; called by the world's clockwork. */
  checkStreams(): void {
    for (const stream of this.#senders) stream.check();
    const stream = this.#upstream;
    if (!stream) return;
    stream.check();
    if (this.#upstream && this.world.upstreamOf(this.name) !== stream.source) this.#dropSource();
  }

  #append(timeline: number, id?: number): WalRecord {
    const record = { id: id ?? this.world.kernel.random.next(), timeline };
    this.#disk!.wal.push(record);
    return record;
  }
}
