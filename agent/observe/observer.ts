/** Looks at the data directory and at PostgreSQL, and keeps what only a run of it can tell. */
import type { TimelineSwitch } from '../../control-plane/model/instance.ts';
import { type Lsn, maxLsn } from '../../control-plane/model/lsn.ts';
import { parseSync } from '../../control-plane/model/sync.ts';
import type { Clock } from '../../control-plane/runtime/clock.ts';
import { type ControlFile, isClean, isRecovery, parseControlData } from '../postgres/control-file.ts';
import type { DataDirectory } from '../postgres/data-directory.ts';
import { type Installation, runTool } from '../postgres/installation.ts';
import type { PostgresServer, ServerExit } from '../postgres/server.ts';
import { type Session, SqlFailure } from '../postgres/session.ts';
import { readHistory, readNewestTimeline } from '../postgres/timeline.ts';
import {
  NO_OVERRIDE,
  type Observed,
  type Override,
  type PrimaryView,
  type ServerView,
  type StandbyView,
  type StoppedView,
} from './observed.ts';
import { OBSERVE_SQL, readServerRow, type ServerRow } from './query.ts';

export interface ObserverOptions {
  readonly instance: string;
  readonly replicationPort: number;
  readonly installation: Installation;
  readonly data: DataDirectory;
  readonly server: PostgresServer;
  readonly session: Session;
  readonly clock: Clock;
}

/** PostgreSQL that doesn't answer for this long is told as such; before that, as it was last seen. */
const UNRESPONSIVE_AFTER_MS = 1_000;

export class Observer {
  readonly #options: ObserverOptions;
  /** Of the stopped data directory; undefined = to be read again. */
  #control: ControlFile | undefined;
  #systemId = '';
  #how: StoppedView['how'] = 'boot';
  #crashedUnderGoal = false;
  /** Flush position when this run was first seen as a primary. */
  #endOfRecoveryLsn: Lsn | undefined;
  #lastAnswerAt = 0;
  #lastView: PrimaryView | StandbyView | undefined;
  #diskTimeline: { key: string; timeline: number } | undefined;
  #history: { timeline: number; switches: readonly TimelineSwitch[] } = { timeline: 0, switches: [] };
  /** What is in the override file, as this agent wrote it. */
  written: Override = NO_OVERRIDE;
  /** A checkpoint that the agent asked for is running. */
  checkpointing = false;

  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  /** It was started and has not answered yet. */
  get starting(): boolean {
    return this.#lastView === undefined;
  }

  /** The data directory was made, copied or repaired: nothing that was read of it holds. */
  forget(): void {
    this.#control = undefined;
    this.#systemId = '';
    this.#diskTimeline = undefined;
    this.#history = { timeline: 0, switches: [] };
    this.#lastView = undefined;
  }

  /** PostgreSQL was started. */
  noteStart(): void {
    this.forget();
    this.#endOfRecoveryLsn = undefined;
    this.#lastAnswerAt = this.#options.clock.now();
  }

  /** PostgreSQL ended: what can be told at once, without reading anything. */
  noteExit({ requested, code }: Pick<ServerExit, 'requested' | 'code'>): StoppedView {
    const ranAs = this.#lastView?.kind === 'primary' ? 'primary' : 'standby';
    this.forget();
    this.#how = requested ? 'requested' : 'crashed';
    this.#crashedUnderGoal = !requested;
    return {
      kind: 'stopped',
      how: this.#how,
      crashedUnderGoal: this.#crashedUnderGoal,
      // By a hand that stopped it. What was asked for here counts once the control file says so.
      clean: !requested && code === 0,
      checkpointLsn: 0n,
      minRecoveryLsn: 0n,
      ranAs,
      standbySignal: ranAs === 'standby',
    };
  }

  /** A goal arrived: a crash before it is no reason against it. */
  noteGoal(): void {
    this.#crashedUnderGoal = false;
  }

  /** @throws what reading the data directory throws. Takes at most the session's time limit and a tool's. */
  async observe(): Promise<Omit<Observed, 'leaseHeld'>> {
    const { instance, replicationPort, server } = this.#options;
    const own = { instance, replicationPort };
    if (server.pid !== 0) {
      const view = await this.#running();
      // It may have ended meanwhile: then the directory tells.
      if (server.pid !== 0) return { ...own, ...view };
    }
    return { ...own, ...(await this.#stopped()) };
  }

  async #running(): Promise<Rest> {
    const { session, server, data, clock } = this.#options;
    try {
      const [raw] = await session.query(OBSERVE_SQL, [], 'howdah_observe');
      const row = readServerRow(raw);
      this.#lastAnswerAt = clock.now();
      return await this.#answered(row);
    } catch (error) {
      if (!(error instanceof SqlFailure)) throw error;
      if (error.kind === 'failed') throw error;
      if (server.pid === 0) return this.#stopped();
      const silentMs = clock.now() - this.#lastAnswerAt;
      const lineage = { systemId: this.#systemId, ...(await this.#onDisk('down')) };
      if (server.stopping) return { ...lineage, server: { kind: 'stopping' } };
      if (this.#lastView && silentMs < UNRESPONSIVE_AFTER_MS) return { ...lineage, server: this.#lastView };
      if (this.#lastView) return { ...lineage, server: { kind: 'unresponsive', role: this.#lastView.kind } };
      if (this.#systemId === '' && (await data.state()) === 'present') {
        lineage.systemId = this.#systemId = (await this.#readControl()).systemId;
      }
      return { ...lineage, server: { kind: 'starting', override: this.written } };
    }
  }

  async #answered(row: ServerRow): Promise<Rest> {
    if (this.#systemId === '') this.#systemId = await this.#askSystemId();
    const { server } = this.#options;
    if (server.stopping) return { ...(await this.#lineage(row)), server: { kind: 'stopping' } };
    const view = row.primary === null ? this.#standby(row) : this.#primary(row, row.primary);
    const lineage = await this.#lineage(row);
    this.#lastView = view;
    return { ...lineage, server: view };
  }

  #primary(row: ServerRow, primary: NonNullable<ServerRow['primary']>): PrimaryView {
    this.#options.server.promoting = false;
    // The end-of-recovery record is flushed before anyone sees a primary. So whatever was visible when recovery ended
    // lies before the first flush position seen, and a standby that has flushed that far has the timeline's switch too.
    this.#endOfRecoveryLsn ??= primary.flushLsn;
    return {
      kind: 'primary',
      flushLsn: primary.flushLsn,
      endOfRecoveryLsn: this.#endOfRecoveryLsn,
      sync: parseSync(row.override.synchronousStandbyNames) ?? null,
      standbys: primary.standbys,
      checkpointTimeline: primary.checkpointTimeline,
      activeTransactions: primary.activeTransactions,
      override: row.override,
      written: this.written,
      slots: row.slots,
      replies: primary.replies,
      checkpointing: this.checkpointing,
    };
  }

  #standby(row: ServerRow): StandbyView {
    const { server } = this.#options;
    // Without a receiver in this run, only a startup process that found nothing more proves that the local WAL is
    // replayed; with one, having replayed all that was received does too.
    const caughtUp = row.receiveLsn !== 0n && row.replayLsn >= row.receiveLsn;
    return {
      kind: 'standby',
      receiveLsn: row.receiveLsn,
      replayLsn: row.replayLsn,
      walReceiver: receiverState(row),
      promoting: server.promoting,
      drained: caughtUp || (row.walReceiver === null && row.replayIdle),
      override: row.override,
      written: this.written,
      slots: row.slots,
      walMissing: server.walMissing,
    };
  }

  async #lineage(row: ServerRow): Promise<Lineage> {
    const systemId = this.#systemId;
    if (row.primary) return { systemId, ...(await this.#withHistory(row.primary.timeline)) };
    if (row.walReceiver && row.walReceiver.status === 'streaming' && row.walReceiver.timeline > 0) {
      return { systemId, ...(await this.#withHistory(row.walReceiver.timeline)) };
    }
    // Without a stream the newest timeline can only change when WAL arrived or the receiver went.
    const position = maxLsn(row.receiveLsn, row.replayLsn);
    return { systemId, ...(await this.#onDisk(`${position}/${row.walReceiver?.status ?? 'none'}`)) };
  }

  async #stopped(): Promise<Rest> {
    const { data } = this.#options;
    const state = await data.state();
    if (state === 'absent') return { systemId: '', timeline: 0, history: [], server: { kind: 'absent' } };
    const control = await this.#readControl();
    const lineage = { systemId: control.systemId, ...(await this.#onDisk('stopped')) };
    if (state === 'broken') return { ...lineage, server: { kind: 'broken' } };
    const standbySignal = await data.hasStandbySignal();
    const ranAs = await this.#ranAs(control, standbySignal);
    return {
      ...lineage,
      server: {
        kind: 'stopped',
        how: this.#how,
        crashedUnderGoal: this.#crashedUnderGoal,
        clean: isClean(control.state),
        checkpointLsn: control.checkpointLsn,
        minRecoveryLsn: control.minRecoveryLsn,
        ranAs,
        standbySignal,
      },
    };
  }

  async #ranAs(control: ControlFile, standbySignal: boolean): Promise<StoppedView['ranAs']> {
    if (await this.#options.data.hasBackupLabel()) return 'standby';
    if (!isRecovery(control.state)) return 'primary';
    // PostgreSQL removes standby.signal when it begins to end recovery.
    return standbySignal ? 'standby' : 'promoting';
  }

  async #readControl(): Promise<ControlFile> {
    const { installation, data } = this.#options;
    if (!this.#control) {
      const result = await runTool(installation, 'pg_controldata', { args: ['-D', data.path], timeoutMs: 10_000 });
      this.#control = parseControlData(result.stdout);
    }
    return this.#control;
  }

  async #askSystemId(): Promise<string> {
    const [row] = await this.#options.session.query(
      'select system_identifier::text as system_id from pg_control_system()',
    );
    return String(row?.system_id ?? '');
  }

  async #onDisk(key: string): Promise<{ timeline: number; history: readonly TimelineSwitch[] }> {
    const { data } = this.#options;
    if (this.#diskTimeline?.key !== key) {
      this.#diskTimeline = { key, timeline: await readNewestTimeline(data.path) };
    }
    return this.#withHistory(this.#diskTimeline.timeline);
  }

  async #withHistory(timeline: number): Promise<{ timeline: number; history: readonly TimelineSwitch[] }> {
    if (this.#history.timeline !== timeline) {
      this.#history = { timeline, switches: await readHistory(this.#options.data.path, timeline) };
    }
    return { timeline, history: this.#history.switches };
  }
}

type Lineage = Pick<Observed, 'systemId' | 'timeline' | 'history'>;
type Rest = Lineage & { readonly server: ServerView };

function receiverState(row: ServerRow): StandbyView['walReceiver'] {
  if (row.walReceiver === null) return 'none';
  return row.walReceiver.status === 'streaming' ? 'streaming' : 'connecting';
}
