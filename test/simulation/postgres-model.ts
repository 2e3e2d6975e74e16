/**
 * A small model of one PostgreSQL: WAL as a list of records on timelines, crash recovery, standby and primary,
 * quorum commit, streaming with per-standby flush, rewind and base backup. An LSN is a count of records times 8.
 */
import type { Observed, Override, ServerView, SlotView } from '../../agent/observe/observed.ts';
import { slotName } from '../../agent/plan.ts';
import type { StandbyConnection, TimelineSwitch } from '../../control-plane/model/instance.ts';
import type { Lsn } from '../../control-plane/model/lsn.ts';
import { formatSync, NO_SYNC, parseSync, type SyncConfig } from '../../control-plane/model/sync.ts';
import type { Kernel } from './kernel.ts';

export interface WalRecord {
  readonly id: number;
  readonly timeline: number;
}

export const lsnOf = (count: number): Lsn => BigInt(count) * 8n;
/** After a restart the receive position is only the start of a segment. */
const SEGMENT_RECORDS = 16;

interface Waiter {
  readonly position: number;
  readonly onAck: () => void;
}

/** What survives a crash. */
interface Disk {
  systemId: string;
  wal: WalRecord[];
  flushed: number;
  history: TimelineSwitch[];
  timeline: number;
  standbySignal: boolean;
  clean: boolean;
  ranAs: 'primary' | 'standby';
  override: Override;
  slots: string[];
  checkpointTimeline: number;
}

const NO_OVERRIDE: Override = { primaryConninfo: '', primarySlotName: '', synchronousStandbyNames: '' };

type Run =
  | { kind: 'stopped'; how: 'boot' | 'requested' | 'crashed' }
  | { kind: 'starting' }
  | { kind: 'primary'; endOfRecovery: number; checkpointing: boolean }
  | { kind: 'standby'; receivedSinceStart: boolean; promoting: boolean };

/** What the model needs of the world around it. */
export interface PostgresWorld {
  readonly kernel: Kernel;
  /** The instance that the local replication route leads to now; undefined = nowhere. */
  upstreamOf(instance: string): PostgresModel | undefined;
  /** Bytes can flow between the two at this moment. */
  connected(a: string, b: string): boolean;
  acknowledged(primary: PostgresModel, record: WalRecord): void;
}

export class PostgresModel {
  readonly name: string;
  readonly #world: PostgresWorld;
  #disk: Disk | null = null;
  #run: Run = { kind: 'stopped', how: 'boot' };
  /** Settings in force: a reload takes the file's. */
  #inForce: Override = NO_OVERRIDE;
  /** The source of the running WAL receiver. */
  #source: PostgresModel | null = null;
  /** Position that each connected standby has flushed, by application name. */
  readonly #walsenders = new Map<string, { readonly standby: PostgresModel; flushed: number; sent: number }>();
  #waiters: Waiter[] = [];
  /** Rises with each start and stop: what an earlier process scheduled is void. */
  #life = 0;
  /** Called when the process ends by itself. */
  onCrash: () => void = () => {};
  onChange: () => void = () => {};

  constructor(name: string, world: PostgresWorld) {
    this.name = name;
    this.#world = world;
  }

  get running(): boolean {
    return this.#run.kind === 'primary' || this.#run.kind === 'standby';
  }

  get isPrimary(): boolean {
    return this.#run.kind === 'primary';
  }

  get syncInForce(): SyncConfig | undefined {
    return parseSync(this.#inForce.synchronousStandbyNames);
  }

  get wal(): readonly WalRecord[] {
    return this.#disk?.wal ?? [];
  }

  has(record: WalRecord, position: number): boolean {
    return this.#disk?.wal[position - 1]?.id === record.id;
  }

  observe(replicationPort: number): Observed {
    const disk = this.#disk;
    return {
      instance: this.name,
      replicationPort,
      systemId: disk?.systemId ?? '',
      timeline: disk?.timeline ?? 0,
      history: disk ? [...disk.history] : [],
      server: this.#serverView(),
    };
  }

  #serverView(): ServerView {
    const disk = this.#disk;
    const run = this.#run;
    if (!disk) return { kind: 'absent' };
    switch (run.kind) {
      case 'stopped':
        return {
          kind: 'stopped',
          how: run.how,
          crashedUnderGoal: run.how === 'crashed',
          clean: disk.clean,
          // The checkpoint record itself is the last one of a clean shutdown.
          checkpointLsn: lsnOf(disk.clean ? disk.wal.length - 1 : Math.floor(disk.flushed / 2)),
          minRecoveryLsn: disk.ranAs === 'standby' ? lsnOf(disk.wal.length) : 0n,
          ranAs: disk.ranAs,
          standbySignal: disk.standbySignal,
        };
      case 'starting':
        return { kind: 'starting', override: disk.override };
      case 'primary':
        return {
          kind: 'primary',
          flushLsn: lsnOf(disk.flushed),
          endOfRecoveryLsn: lsnOf(run.endOfRecovery),
          sync: parseSync(this.#inForce.synchronousStandbyNames) ?? null,
          standbys: this.#standbys(),
          checkpointTimeline: disk.checkpointTimeline,
          activeTransactions: this.#waiters.length,
          override: this.#inForce,
          slots: this.#slots(),
          checkpointing: run.checkpointing,
        };
      case 'standby':
        return {
          kind: 'standby',
          receiveLsn: lsnOf(
            run.receivedSinceStart ? disk.flushed : Math.floor(disk.flushed / SEGMENT_RECORDS) * SEGMENT_RECORDS,
          ),
          replayLsn: lsnOf(disk.flushed),
          promoting: run.promoting,
          walReceiver: this.#source ? 'streaming' : 'none',
          drained: true,
          override: this.#inForce,
          slots: this.#slots(),
          walMissing: false,
        };
    }
  }

  #slots(): SlotView[] {
    return this.#disk!.slots.map((name) => ({
      name,
      active: [...this.#walsenders.keys()].some((standby) => slotName(standby) === name),
      reserved: true,
      lost: false,
    }));
  }

  #standbys(): StandbyConnection[] {
    const sync = this.syncInForce ?? NO_SYNC;
    return [...this.#walsenders].map(([name, { flushed }]) => ({
      name,
      state: 'streaming',
      syncState: sync.voters.includes(name) ? 'quorum' : 'async',
      flushLsn: lsnOf(flushed),
      replayLsn: lsnOf(flushed),
    }));
  }

  // --- what the agent does to it; each call is one effect that has happened when it returns

  initdb(systemId: string): void {
    this.#disk = {
      systemId,
      wal: [],
      flushed: 0,
      history: [],
      timeline: 1,
      standbySignal: false,
      clean: true,
      ranAs: 'primary',
      override: NO_OVERRIDE,
      slots: [],
      checkpointTimeline: 1,
    };
    this.#append(1);
    this.#disk.flushed = this.#disk.wal.length;
  }

  configure(override: Override): void {
    if (!this.#disk) return;
    this.#disk.override = override;
    if (!this.running) return;
    const sourceChanged = this.#inForce.primaryConninfo !== override.primaryConninfo;
    this.#inForce = override;
    if (sourceChanged) this.#dropSource();
    this.#evaluateWaiters();
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
    this.#inForce = disk.override;
    disk.clean = false;
    if (disk.standbySignal) {
      disk.ranAs = 'standby';
      this.#run = { kind: 'standby', receivedSinceStart: false, promoting: false };
    } else {
      disk.ranAs = 'primary';
      // End of recovery writes a record of its own.
      this.#append(disk.timeline);
      disk.flushed = disk.wal.length;
      disk.checkpointTimeline = disk.timeline;
      this.#run = { kind: 'primary', endOfRecovery: disk.flushed, checkpointing: false };
    }
    this.onChange();
  }

  promote(): void {
    const disk = this.#disk;
    if (!disk || this.#run.kind !== 'standby') return;
    this.#dropSource();
    disk.history = [...disk.history, { timeline: disk.timeline, endLsn: lsnOf(disk.wal.length) }];
    disk.timeline = Math.max(disk.timeline, ...disk.history.map((s) => s.timeline)) + 1;
    disk.standbySignal = false;
    disk.ranAs = 'primary';
    this.#append(disk.timeline);
    disk.flushed = disk.wal.length;
    this.#run = { kind: 'primary', endOfRecovery: disk.flushed, checkpointing: false };
    this.#flushedMore();
    this.onChange();
  }

  createSlots(drop: readonly string[], create: readonly string[]): void {
    if (this.#disk) this.#disk.slots = [...this.#disk.slots.filter((slot) => !drop.includes(slot)), ...create];
  }

  checkpoint(): void {
    if (this.#run.kind === 'primary') this.#disk!.checkpointTimeline = this.#disk!.timeline;
  }

  /** A clean shutdown: the last record reaches the connected standbys before the process ends. */
  stopFast(): void {
    const disk = this.#disk;
    if (!disk || !this.running) {
      this.#end('requested');
      return;
    }
    if (this.#run.kind === 'primary') {
      this.#append(disk.timeline);
      disk.flushed = disk.wal.length;
      for (const [name, sender] of this.#walsenders) {
        if (this.#world.connected(this.name, name)) sender.standby.receive(this, disk.wal.length, true);
      }
    }
    disk.clean = true;
    this.#end('requested');
  }

  stopImmediate(): void {
    this.#end('requested');
  }

  /** kill -9: unsynced WAL is lost. */
  crash(): void {
    if (this.#run.kind === 'stopped') return;
    this.#end('crashed');
    this.onCrash();
  }

  /** The whole instance died; its next agent finds it stopped. */
  die(): void {
    this.#end('boot');
  }

  #end(how: 'boot' | 'requested' | 'crashed'): void {
    const disk = this.#disk;
    this.#life++;
    this.#run = { kind: 'stopped', how };
    this.#waiters = [];
    this.#dropSource();
    for (const { standby } of this.#walsenders.values()) standby.sourceLost(this);
    this.#walsenders.clear();
    if (disk && !disk.clean) disk.wal.length = disk.flushed;
  }

  /** pg_rewind: what the source doesn't have is undone. */
  rewindFrom(source: PostgresModel): boolean {
    return this.#copyFrom(source);
  }

  basebackupFrom(source: PostgresModel): boolean {
    return this.#copyFrom(source);
  }

  #copyFrom(source: PostgresModel): boolean {
    const from = source.#disk;
    if (!from || !source.isPrimary) return false;
    this.#disk = {
      ...from,
      wal: from.wal.slice(0, from.flushed),
      history: [...from.history],
      standbySignal: true,
      clean: false,
      ranAs: 'standby',
      override: NO_OVERRIDE,
      slots: [],
    };
    this.#disk.flushed = this.#disk.wal.length;
    return true;
  }

  // --- clients

  /** A transaction; `onAck` when it is acknowledged. Returns null when it can't even begin. */
  write(id: number, onAck: () => void): WalRecord | null {
    if (this.#run.kind !== 'primary') return null;
    const disk = this.#disk!;
    const record = this.#append(disk.timeline, id);
    const position = disk.wal.length;
    const life = this.#life;
    this.#world.kernel.after(this.#world.kernel.random.between(0.1, 1), () => {
      if (this.#life !== life) return;
      disk.flushed = Math.max(disk.flushed, position);
      this.#waiters.push({ position, onAck: () => this.#acknowledge(record, onAck) });
      this.#flushedMore();
      this.#evaluateWaiters();
    });
    return record;
  }

  #acknowledge(record: WalRecord, onAck: () => void): void {
    this.#world.acknowledged(this, record);
    onAck();
  }

  #evaluateWaiters(): void {
    if (this.#run.kind !== 'primary') return;
    const sync = this.syncInForce;
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) {
      const holders = sync
        ? sync.voters.filter((name) => (this.#walsenders.get(name)?.flushed ?? 0) >= waiter.position)
        : [];
      if (sync && holders.length >= sync.k) waiter.onAck();
      else this.#waiters.push(waiter);
    }
  }

  // --- streaming

  /** A WAL receiver tries each few milliseconds; called by the world's clockwork. */
  connectReceiver(): void {
    const disk = this.#disk;
    if (!disk || this.#run.kind !== 'standby' || this.#inForce.primaryConninfo === '' || this.#source) return;
    const upstream = this.#world.upstreamOf(this.name);
    if (!upstream || upstream === this || !upstream.running || !this.#world.connected(this.name, upstream.name)) return;
    if (!upstream.#contains(disk)) return;
    this.#source = upstream;
    upstream.#walsenders.set(this.name, { standby: this, flushed: 0, sent: 0 });
    upstream.#send(this.name);
    this.onChange();
  }

  /** The standby's end of WAL lies on this one's history. */
  #contains(standby: Disk): boolean {
    const mine = this.#disk!;
    if (standby.wal.length > mine.flushed) return false;
    const last = standby.wal.length;
    return last === 0 || mine.wal[last - 1]!.id === standby.wal[last - 1]!.id;
  }

  #send(name: string): void {
    const sender = this.#walsenders.get(name);
    if (!sender) return;
    const { kernel } = this.#world;
    const upTo = this.#disk!.flushed;
    if (sender.sent === upTo && upTo > 0 && sender.flushed === upTo) return;
    sender.sent = upTo;
    const life = this.#life;
    kernel.after(kernel.random.between(0.1, 3), () => {
      if (this.#life !== life || this.#walsenders.get(name) !== sender) return;
      if (this.#world.connected(this.name, name)) sender.standby.receive(this, upTo, false);
      else this.disconnect(name);
    });
  }

  receive(from: PostgresModel, upTo: number, syncNow: boolean): void {
    const disk = this.#disk;
    if (!disk || this.#run.kind !== 'standby' || this.#source !== from) return;
    const source = from.#disk!;
    for (let i = disk.wal.length; i < upTo; i++) disk.wal.push(source.wal[i]!);
    this.#run.receivedSinceStart = true;
    const { kernel } = this.#world;
    const life = this.#life;
    const flush = () => {
      if (this.#life !== life || disk !== this.#disk) return;
      if (upTo > disk.wal.length) return;
      disk.flushed = Math.max(disk.flushed, upTo);
      const last = disk.wal[disk.flushed - 1];
      if (last && last.timeline > disk.timeline) {
        disk.timeline = last.timeline;
        disk.history = source.history.filter((s) => s.timeline < last.timeline);
      }
      this.#flushedMore();
      this.onChange();
      kernel.after(kernel.random.between(0.1, 3), () => from.#flushReply(this, disk.flushed));
    };
    if (syncNow) flush();
    else kernel.after(kernel.random.between(0.1, 2), flush);
  }

  #flushReply(standby: PostgresModel, flushed: number): void {
    const sender = this.#walsenders.get(standby.name);
    if (!sender || sender.standby !== standby || standby.#source !== this) return;
    if (!this.#world.connected(this.name, standby.name)) return;
    sender.flushed = Math.max(sender.flushed, flushed);
    this.#evaluateWaiters();
    this.onChange();
  }

  #flushedMore(): void {
    for (const name of this.#walsenders.keys()) this.#send(name);
  }

  disconnect(name: string): void {
    const sender = this.#walsenders.get(name);
    this.#walsenders.delete(name);
    sender?.standby.sourceLost(this);
    this.onChange();
  }

  sourceLost(source: PostgresModel): void {
    if (this.#source !== source) return;
    this.#source = null;
    this.onChange();
  }

  #dropSource(): void {
    const source = this.#source;
    this.#source = null;
    source?.disconnect(this.name);
  }

  /** The route or the network below a WAL receiver went away. */
  checkSource(): void {
    const source = this.#source;
    if (!source) return;
    const still =
      source.running && this.#world.connected(this.name, source.name) && this.#world.upstreamOf(this.name) === source;
    if (!still) this.#dropSource();
  }

  #append(timeline: number, id?: number): WalRecord {
    const record = { id: id ?? this.#world.kernel.random.next(), timeline };
    this.#disk!.wal.push(record);
    return record;
  }
}

export function describeSync(sync: SyncConfig | undefined): string {
  return sync ? formatSync(sync) || 'nobody' : 'unknown';
}
