/**
 * The running PostgreSQL: a direct child of the agent, so that its end is known at once.
 * Signals: https://www.postgresql.org/docs/current/server-shutdown.html
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { PendingRestart } from '../../control-plane/model/settings.ts';
import type { Logger } from '../../control-plane/runtime/logger.ts';
import { type Exit, type Supervised, spawnSupervised } from '../process/spawn.ts';
import { giveTo } from './files.ts';
import type { Installation } from './installation.ts';
import { endProcessesOf } from './leftovers.ts';
import { parseLogLine, tellsMissingWal } from './log-lines.ts';
import { commandLine, ownedSettings } from './settings.ts';
import { removeStaleLocks } from './stale-locks.ts';
import { type StrayWal, tellsStrayWal } from './stray-wal.ts';

export interface ServerOptions {
  readonly installation: Installation;
  readonly instance: string;
  readonly dataDirectory: string;
  readonly socketDir: string;
  /** As they are at a start. */
  readonly parameters: () => Readonly<Record<string, string>>;
  readonly log: Logger;
}

const CLEAR_AFTER_MS = 20;

/** One run of PostgreSQL, from its start to its exit. */
interface Run {
  readonly child: Supervised;
  /** Its command line. */
  readonly owned: Readonly<Record<string, string>>;
  stop: 'none' | 'fast' | 'immediate';
  promoting: boolean;
  walMissing: boolean;
}

/** An exit and what led to it. */
export interface ServerExit extends Exit {
  readonly requested: boolean;
}

export class PostgresServer {
  readonly #options: ServerOptions;
  readonly #onExit: (exit: ServerExit) => void;
  /** What an earlier run was stuck at; to be put aside before the next. */
  strayWal: StrayWal | undefined;
  #run: Run | null = null;
  /** Ending what a run left behind; a start waits for it. */
  #cleanup: Promise<void> = Promise.resolve();

  constructor(options: ServerOptions, onExit: (exit: ServerExit) => void) {
    this.#options = options;
    this.#onExit = onExit;
  }

  /** 0 = not running. */
  get pid(): number {
    return this.#run?.child.pid ?? 0;
  }

  get stopping(): boolean {
    return this.#run !== null && this.#run.stop !== 'none';
  }

  /** A promotion was asked for in this run; cleared when it is seen as a primary. */
  get promoting(): boolean {
    return this.#run?.promoting ?? false;
  }

  set promoting(value: boolean) {
    if (this.#run) this.#run.promoting = value;
  }

  get walMissing(): boolean {
    return this.#run?.walMissing ?? false;
  }

  /** What stands on the command line of this run and would be another with these parameters: only a restart helps. */
  waiting(parameters: Readonly<Record<string, string>>): PendingRestart[] {
    const { owned } = this.#run ?? {};
    if (!owned) return [];
    return Object.entries(ownedSettings({ ...this.#options, parameters }))
      .filter(([name, wanted]) => owned[name] !== wanted)
      .map(([name, wanted]) => ({ name, running: owned[name] ?? '', wanted }));
  }

  /** Starts it; whether it takes connections is for an observation to tell. */
  async start(): Promise<void> {
    if (this.#run) return;
    const { installation, dataDirectory, socketDir, log } = this.#options;
    await this.clear();
    await mkdir(socketDir, { recursive: true, mode: 0o755 });
    await giveTo(socketDir, installation.user);
    const owned = ownedSettings({ ...this.#options, parameters: this.#options.parameters() });
    const child = spawnSupervised({
      command: path.join(installation.binDir, 'postgres'),
      args: ['-D', dataDirectory, ...commandLine(owned)],
      user: installation.user,
      env: { ...installation.env, LC_ALL: 'C' },
      deathSignal: 'SIGQUIT',
      onLine: (text) => {
        const line = parseLogLine(text);
        log[line.level]({ backend: line.pid, severity: line.severity, line: line.message }, 'postgres');
        if (tellsMissingWal(line)) run.walMissing = true;
        this.strayWal = tellsStrayWal(line) ?? this.strayWal;
      },
    });
    const run: Run = { child, owned, stop: 'none', promoting: false, walMissing: false };
    this.#run = run;
    void child.exited.then((exit) => {
      this.#run = null;
      this.#onExit({ ...exit, requested: run.stop !== 'none' });
      // Looking through all processes takes milliseconds: first the word that it ended leaves.
      setTimeout(() => {
        void this.clear().catch((error) => log.error({ err: error }, 'processes of PostgreSQL are left'));
      }, CLEAR_AFTER_MS);
    });
  }

  /** Resolves when no process of a run that ended is left. One at a time: it must never meet a new run. */
  clear(): Promise<void> {
    const cleanup = this.#cleanup
      .catch(() => {})
      .then(async () => {
        if (this.#run) return;
        const pids = await endProcessesOf(this.#options.dataDirectory);
        if (pids.length > 0) this.#options.log.warn({ pids }, 'ended processes that outlived their postmaster');
        removeStaleLocks(this.#options.dataDirectory, this.#options.socketDir);
      });
    this.#cleanup = cleanup;
    return cleanup;
  }

  reload(): void {
    this.#run?.child.kill('SIGHUP');
  }

  /**
   * Asks for a stop and waits for the exit. A running stop is only ever made harder.
   * `fast` may take as long as a standby needs for the rest of the WAL; `immediate` is followed by SIGKILL.
   */
  async stop(mode: 'fast' | 'immediate', killAfterMs = 2_000): Promise<void> {
    const run = this.#run;
    if (!run) return;
    if (run.stop === 'none' || (run.stop === 'fast' && mode === 'immediate')) {
      run.stop = mode;
      run.child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    }
    if (mode === 'immediate') {
      const timer = setTimeout(() => run.child.kill('SIGKILL'), killAfterMs);
      await run.child.exited;
      clearTimeout(timer);
    }
    await run.child.exited;
  }
}
