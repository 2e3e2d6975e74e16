/**
 * The settings that change while a PostgreSQL runs, as its processes have read them: the agent's session, the startup
 * process with its WAL receiver, the checkpointer. Walsenders keep their own.
 */
import { NO_OVERRIDE, type Override } from '../../agent/observe/observed.ts';
import { NO_SYNC, parseSync, type SyncConfig } from '../../control-plane/model/sync.ts';
import type { Disk } from './disk-model.ts';
import type { Freezer } from './freezer.ts';
import type { Kernel } from './kernel.ts';
import type { WalStream } from './wal-stream.ts';

export type Reader = 'session' | 'startup' | 'checkpointer' | 'walsender';

export interface SettingsHooks {
  /** Of the server's process: what one of before was to read is void. */
  life(): number;
  /** A process goes by something else from now on; `stream` is the walsender's. */
  onRead(process: Reader, stream: WalStream | null): void;
}

export class SettingsModel {
  readonly #kernel: Kernel;
  readonly #freezer: Freezer;
  readonly #hooks: SettingsHooks;
  /** What a query of the agent's session shows. */
  shown: Override = NO_OVERRIDE;
  sync: SyncConfig | undefined = NO_SYNC;
  /** Of the WAL receiver; '' = there is to be none. */
  conninfo = '';
  slot = '';
  /** Backends wait for standbys: a flag that the checkpointer sets. */
  waits = false;
  /** Some of its processes get to read after hundreds of ms only. */
  late = false;

  constructor(kernel: Kernel, freezer: Freezer, hooks: SettingsHooks) {
    this.#kernel = kernel;
    this.#freezer = freezer;
    this.#hooks = hooks;
  }

  /** Each process reads the file when it gets to it, and takes what it finds then. */
  reload(disk: Disk, before: Override, senders: readonly WalStream[]): void {
    const { onRead } = this.#hooks;
    this.#later(() => {
      this.readBySession(disk.override);
      onRead('session', null);
    });
    this.#later(() => this.readByStartup(disk.override) && onRead('startup', null));
    const readByCheckpointer = () => {
      this.readByCheckpointer(disk.override);
      onRead('checkpointer', null);
    };
    // The agent has the checkpointer read it before it goes on, where backends would not wait otherwise.
    if (before.synchronousStandbyNames === '') this.#freezer.run(readByCheckpointer);
    else this.#later(readByCheckpointer);
    for (const stream of senders) {
      this.#later(() => {
        stream.sync = parseSync(disk.override.synchronousStandbyNames);
        onRead('walsender', stream);
      });
    }
  }

  #later(read: () => void): void {
    const { random } = this.#kernel;
    const { life } = this.#hooks;
    const begun = life();
    const late = random.chance(this.late ? 0.3 : 0.1)
      ? random.between(1, this.late ? 900 : 30)
      : random.between(0.05, this.late ? 60 : 2);
    const reads = () => life() === begun && read();
    if (random.chance(this.late ? 0.3 : 0.5)) this.#freezer.run(reads);
    else this.#freezer.after(late, reads);
  }

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
      shown.closed === override.closed &&
      (this.waits || override.synchronousStandbyNames === '')
    );
  }

  /** Under which name a WAL receiver connects. */
  get applicationName(): string {
    return /application_name=(\S+)/.exec(this.conninfo)?.[1] ?? '';
  }
}
