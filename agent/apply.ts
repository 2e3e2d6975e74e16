/** Executes one step of a plan. Every step can be run again after a crash in the middle of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { HowdahError } from '../control-plane/model/errors.ts';
import type { Clock } from '../control-plane/runtime/clock.ts';
import type { Logger } from '../control-plane/runtime/logger.ts';
import { NO_OVERRIDE, type Override } from './observe/observed.ts';
import type { Observer } from './observe/observer.ts';
import { CLOSED_SQL } from './observe/query.ts';
import { type Deed, NO_SOURCE } from './plan.ts';
import { parseControlData } from './postgres/control-file.ts';
import { basebackup, rewind, type Source } from './postgres/copy.ts';
import type { DataDirectory } from './postgres/data-directory.ts';
import { initdb } from './postgres/initdb.ts';
import { type Installation, runTool } from './postgres/installation.ts';
import type { Passwords } from './postgres/passwords.ts';
import type { PostgresServer } from './postgres/server.ts';
import type { Session } from './postgres/session.ts';
import type { PromiseStore } from './promise.ts';

export interface ApplyOptions {
  readonly instance: string;
  readonly replicationPort: number;
  readonly installation: Installation;
  readonly data: DataDirectory;
  readonly server: PostgresServer;
  readonly session: Session;
  /** A second connection, for a checkpoint that takes its time. */
  readonly background: Session;
  readonly observer: Observer;
  readonly promise: Pick<PromiseStore, 'raise'>;
  readonly passwords: Passwords | null;
  readonly clock: Clock;
  readonly log: Logger;
}

const CONTROL_LIMIT_MS = 10_000;
const POLL_MS = 2;
const RELOAD_LIMIT_MS = 2_000;
const PROMOTE_LIMIT_MS = 60_000;

export class Applier {
  readonly #options: ApplyOptions;

  constructor(options: ApplyOptions) {
    this.#options = options;
  }

  /**
   * Answers whether PostgreSQL showed what was configured: true after `configure` only.
   * @throws HowdahError or SqlFailure: the step is worth another try unless its text says otherwise.
   */
  async apply(step: Deed, abort: AbortSignal): Promise<boolean> {
    if (step.kind === 'configure') return this.#configure(step.override, abort);
    await this.#do(step, abort);
    return false;
  }

  async #do(step: Exclude<Deed, { kind: 'configure' }>, abort: AbortSignal): Promise<void> {
    const { data, installation, observer, passwords, promise, server } = this.#options;
    switch (step.kind) {
      case 'raise-promise':
        return promise.raise(step.epoch);
      case 'initdb':
        await initdb(installation, data, passwords, NO_OVERRIDE);
        return observer.forget();
      case 'basebackup':
        return this.#basebackup(step.keepAside, step.slot, abort);
      case 'rewind':
        return this.#rewind(abort);
      case 'start':
        await server.clear();
        // One that has less than its primary does not start; what is really wanted is written as soon as it runs.
        data.floors = step.role === 'standby' ? await this.#floors() : {};
        await data.configure(data.path, step.override);
        observer.written = step.override;
        await data.signalStandby(data.path, step.role === 'standby');
        await data.releaseTimelines();
        await this.#putStrayWalAside();
        await server.start();
        return observer.noteStart();
      case 'stop':
        return Promise.race([server.stop(step.mode), aborted(abort)]);
      case 'promote':
        return this.#promote(step, abort);
      case 'slots':
      case 'spare-slots':
        return this.#slots(step.drop, step.create);
      case 'set-aside':
        return this.#setAside();
      case 'checkpoint':
        return this.#checkpoint();
    }
  }

  async #putStrayWalAside(): Promise<void> {
    const { data, log, server } = this.#options;
    const { strayWal } = server;
    if (!strayWal) return;
    const files = await data.putStrayWalAside(strayWal);
    server.strayWal = undefined;
    log.warn({ files, timeline: strayWal.timeline }, 'WAL of a timeline that was only begun is kept aside');
  }

  async #floors(): Promise<Readonly<Record<string, number>>> {
    const { data, installation } = this.#options;
    const { stdout } = await runTool(installation, 'pg_controldata', {
      args: [data.path],
      timeoutMs: CONTROL_LIMIT_MS,
    });
    return parseControlData(stdout).floors;
  }

  get #source(): Source {
    return { replicationPort: this.#options.replicationPort };
  }

  async #basebackup(keepAside: boolean, slot: string, abort: AbortSignal): Promise<void> {
    const { data, installation, log, observer, server } = this.#options;
    await basebackup(installation, data, this.#source, slot, NO_SOURCE, abort);
    if (keepAside) {
      await server.stop('fast');
      await server.clear();
      log.warn({ kept: await data.keepAside() }, 'the former data directory is kept aside');
    }
    await data.adoptIncoming();
    observer.forget();
  }

  async #rewind(abort: AbortSignal): Promise<void> {
    const { data, installation, log, observer, server } = this.#options;
    await server.clear();
    const outcome = await rewind(installation, data, this.#source, NO_SOURCE, abort);
    observer.forget();
    if (outcome.kind === 'unreachable') throw outcome.error;
    // The mark stays: the next plan sees a broken directory and takes a base backup.
    if (outcome.kind === 'failed') log.warn({ err: outcome.error }, 'pg_rewind failed');
  }

  /**
   * True when PostgreSQL shows the settings as its own and, where it is to have no source, no WAL receiver runs any
   * more; false after a while without: then the plan comes here again.
   */
  async #configure(override: Override, abort: AbortSignal): Promise<boolean> {
    const { background, clock, data, observer, server, session } = this.#options;
    const waitedForNobody = observer.written.synchronousStandbyNames === '';
    await data.writeOverride(data.path, override);
    observer.written = override;
    server.reload();
    if (observer.starting) return false;
    const deadline = clock.now() + RELOAD_LIMIT_MS;
    while (!abort.aborted && clock.now() < deadline && server.pid !== 0) {
      const [shown] = await session.query(SHOW_SQL, [], 'howdah_show');
      if (
        shown?.conninfo === override.primaryConninfo &&
        shown.slot === override.primarySlotName &&
        shown.names === override.synchronousStandbyNames &&
        shown.closed === override.closed &&
        (override.primaryConninfo !== '' || shown.receiving === false)
      ) {
        // Backends wait for standbys only once the checkpointer has set a shared flag, which SQL doesn't show. It reads
        // its settings before it does a checkpoint.
        if (waitedForNobody && override.synchronousStandbyNames !== '') await background.query('checkpoint');
        return true;
      }
      await sleep(POLL_MS);
    }
    return false;
  }

  /** pg_promote() itself looks for the end of recovery only each 100 ms. */
  async #promote(step: Extract<Deed, { kind: 'promote' }>, abort: AbortSignal): Promise<void> {
    const { clock, data, server, session } = this.#options;
    if (!server.promoting) {
      await data.reserveTimelines(step.after, step.timeline);
      // Set before, so that nobody takes the standby for one that stays a standby.
      server.promoting = true;
      await session.query('select pg_promote(false)');
    }
    const deadline = clock.now() + PROMOTE_LIMIT_MS;
    while (!abort.aborted && server.pid !== 0) {
      const [row] = await session.query('select pg_is_in_recovery() as recovering', [], 'howdah_recovering');
      if (row?.recovering === false) return;
      if (clock.now() > deadline) throw new HowdahError('deadline-exceeded', 'the promotion does not end');
      await sleep(POLL_MS);
    }
  }

  async #slots(drop: readonly string[], create: readonly string[]): Promise<void> {
    const { session } = this.#options;
    if (drop.length > 0) {
      const unused = 'select slot_name from pg_replication_slots where slot_name = any($1) and not active';
      await session.query(`select pg_drop_replication_slot(slot_name) from (${unused}) as unused`, [drop]);
    }
    if (create.length === 0) return;
    const missing = 'where not exists (select from pg_replication_slots where slot_name = wanted)';
    await session.query(
      `select pg_create_physical_replication_slot(wanted) from unnest($1::text[]) as wanted ${missing}`,
      [create],
    );
  }

  async #setAside(): Promise<void> {
    const { data, log, observer, server } = this.#options;
    await server.clear();
    log.warn({ kept: await data.keepAside() }, 'the instance left the cluster; its data directory is kept aside');
    observer.forget();
  }

  /** pg_rewind wants one on the new timeline. Not waited for. */
  async #checkpoint(): Promise<void> {
    const { background, log, observer } = this.#options;
    observer.checkpointing = true;
    background
      .query('checkpoint')
      .catch((error) => log.warn({ err: error }, 'a checkpoint failed'))
      .finally(() => {
        observer.checkpointing = false;
      });
  }
}

const SHOW_SQL = `select current_setting('primary_conninfo') as conninfo, current_setting('primary_slot_name') as slot,
  current_setting('synchronous_standby_names') as names, ${CLOSED_SQL} as closed, exists (select from pg_stat_wal_receiver) as receiving`;

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
