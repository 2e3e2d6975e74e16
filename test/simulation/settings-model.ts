/**
 * The settings that change while a PostgreSQL runs, as its processes have read them: the agent's session, the startup
 * process with its WAL receiver, the checkpointer. Walsenders keep their own.
 */
import type { Override } from '../../agent/observe/observed.ts';
import { NO_SYNC, parseSync, type SyncConfig } from '../../control-plane/model/sync.ts';
import { NO_OVERRIDE } from './disk-model.ts';

export class SettingsModel {
  /** What a query of the agent's session shows. */
  shown: Override = NO_OVERRIDE;
  sync: SyncConfig | undefined = NO_SYNC;
  /** Of the WAL receiver; '' = there is to be none. */
  conninfo = '';
  slot = '';
  /** Backends wait for standbys: a flag that the checkpointer sets. */
  waits = false;

  /** A server that starts: all of its processes are new. */
  begin(override: Override): void {
    this.readBySession(override);
    this.readByStartup(override);
    this.readByCheckpointer(override);
  }

  readBySession(override: Override): void {
    this.shown = override;
    this.sync = parseSync(override.synchronousStandbyNames);
  }

  /** True: the WAL receiver goes by another source from now on. */
  readByStartup(override: Override): boolean {
    const isOther = this.conninfo !== override.primaryConninfo || this.slot !== override.primarySlotName;
    this.conninfo = override.primaryConninfo;
    this.slot = override.primarySlotName;
    return isOther;
  }

  readByCheckpointer(override: Override): void {
    this.waits = override.synchronousStandbyNames !== '';
  }

  /** The session shows what was written, and backends wait if that says so. */
  shows(override: Override): boolean {
    const { shown } = this;
    return (
      shown.primaryConninfo === override.primaryConninfo &&
      shown.primarySlotName === override.primarySlotName &&
      shown.synchronousStandbyNames === override.synchronousStandbyNames &&
      (this.waits || override.synchronousStandbyNames === '')
    );
  }

  /** Under which name a WAL receiver connects. */
  get applicationName(): string {
    return /application_name=(\S+)/.exec(this.conninfo)?.[1] ?? '';
  }
}
