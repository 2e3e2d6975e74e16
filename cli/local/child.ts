/**
 * One child process that is kept running. It is in a session of its own, so the terminal's Ctrl-C reaches only `up`,
 * which stops its children in order; and the kernel ends it when `up` dies (setpriv --pdeathsig).
 * https://man7.org/linux/man-pages/man1/setpriv.1.html
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import type { Clock, Timer } from '../../control-plane/runtime/clock.ts';
import type { Logger } from '../../control-plane/runtime/logger.ts';

/** A child that ran this long was well: its next death is answered at once again. */
const WELL_AFTER_MS = 5_000;
const RESTART_FIRST_MS = 50;
const RESTART_MAX_MS = 1_000;
const LOG_MAX_BYTES = 32 * 1024 * 1024;

/**
 * Should `up` die before the kernel was told to tell, nobody would: the child looks who its parent is after that, and
 * ends when it is not `up` ($1) any more.
 */
const ONLY_WITH_PARENT = 'test "$PPID" = "$1" || exit 1; shift; exec "$@"';

export interface ChildOptions {
  readonly name: string;
  /** Path of the program and what it is given. */
  readonly command: readonly string[];
  readonly logFile: string;
}

export interface ChildHooks {
  readonly clock: Clock;
  readonly log: Logger;
  /** A process was started, or ended (pid 0). */
  onChange(child: SupervisedChild): void;
  /** It ended without having been asked to; `quickExits` counts those in a row. */
  onUnexpectedExit(child: SupervisedChild, exit: ChildExit, quickExits: number): void;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running'; readonly process: ChildProcess; readonly since: number }
  | { readonly kind: 'waiting'; readonly timer: Timer }
  | { readonly kind: 'stopping'; readonly process: ChildProcess }
  | { readonly kind: 'ended' };

export class SupervisedChild {
  readonly name: string;
  readonly #options: ChildOptions;
  readonly #hooks: ChildHooks;
  readonly #ended = Promise.withResolvers<void>();
  #state: State = { kind: 'idle' };
  #quickExits = 0;

  constructor(options: ChildOptions, hooks: ChildHooks) {
    this.name = options.name;
    this.#options = options;
    this.#hooks = hooks;
  }

  /** 0 while it does not run. */
  get pid(): number {
    return this.#state.kind === 'running' || this.#state.kind === 'stopping' ? (this.#state.process.pid ?? 0) : 0;
  }

  start(): void {
    if (this.#state.kind === 'stopping' || this.#state.kind === 'ended') return;
    const log = openLog(this.#options.logFile);
    const child = spawn(
      'setpriv',
      [
        ...['--pdeathsig', 'SIGTERM', '--', '/bin/sh', '-c', ONLY_WITH_PARENT, 'howdah', String(process.pid)],
        ...this.#options.command,
      ],
      { detached: true, stdio: ['ignore', log, log] },
    );
    closeSync(log);
    this.#state = { kind: 'running', process: child, since: this.#hooks.clock.now() };
    // A failed spawn has 'error' and no 'exit'.
    child.once('error', (error) => {
      this.#hooks.log.error({ process: this.name, error }, 'a process can not be started');
      if (child.pid === undefined) this.#exited({ code: null, signal: null });
    });
    child.once('exit', (code, signal) => this.#exited({ code, signal }));
    this.#hooks.onChange(this);
  }

  /** Asks it to end; resolves when it did. A second call with SIGKILL insists. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    switch (this.#state.kind) {
      case 'idle':
        this.#end();
        break;
      case 'waiting':
        this.#state.timer.cancel();
        this.#end();
        break;
      case 'running':
      case 'stopping': {
        const child = this.#state.process;
        this.#state = { kind: 'stopping', process: child };
        child.kill(signal);
        break;
      }
      case 'ended':
        break;
    }
    return this.#ended.promise;
  }

  #exited(exit: ChildExit): void {
    if (this.#state.kind === 'stopping') {
      this.#end();
    } else if (this.#state.kind === 'running') {
      const well = this.#hooks.clock.now() - this.#state.since >= WELL_AFTER_MS;
      this.#quickExits = well ? 0 : this.#quickExits + 1;
      const delayMs = restartDelay(this.#quickExits);
      this.#state = { kind: 'waiting', timer: this.#hooks.clock.after(delayMs, () => this.start()) };
      this.#hooks.onUnexpectedExit(this, exit, this.#quickExits);
    }
    this.#hooks.onChange(this);
  }

  #end(): void {
    this.#state = { kind: 'ended' };
    this.#ended.resolve();
  }
}

/** 0 after a first death, then 50 ms doubled up to 1 s. */
export function restartDelay(quickExits: number): number {
  return quickExits <= 1 ? 0 : Math.min(RESTART_MAX_MS, RESTART_FIRST_MS * 2 ** (quickExits - 2));
}

/** Opened to append; a log that has grown large is put aside first, one generation. */
function openLog(file: string): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_MAX_BYTES) renameSync(file, `${file}.1`);
  return openSync(file, 'a', 0o600);
}
