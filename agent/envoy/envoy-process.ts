import { access, constants, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HowdahError } from '../../control-plane/model/errors.ts';
import type { Clock, Timer } from '../../control-plane/runtime/clock.ts';
import type { Component } from '../../control-plane/runtime/component.ts';
import type { Logger } from '../../control-plane/runtime/logger.ts';
import { takePrecedence } from '../../control-plane/runtime/precedence.ts';
import { type BootstrapOptions, bootstrap } from '../../envoy-config/bootstrap.ts';
import { endLeftover } from '../process/leftovers.ts';
import { type Exit, type Supervised, spawnSupervised } from '../process/spawn.ts';
import { type AdminAnswer, adminGet } from './admin.ts';
import { LOG_FORMAT, parseLogLine } from './log-line.ts';
import { countExits, restartDelayMs } from './restart-delay.ts';

/** One Envoy: its bootstrap, its process from start to stop, its log lines. */
export interface EnvoyOptions {
  /** Absolute; made if missing. Holds bootstrap.json, envoy.pid and admin.sock. */
  readonly directory: string;
  /** Absolute path of the program. */
  readonly binary: string;
  readonly bootstrap: Omit<BootstrapOptions, 'adminSocketPath' | 'cachePort'>;
  /** Loopback port of its ConfigCache, asked at the start. */
  readonly cachePort: () => number;
  /** Worker threads. */
  readonly concurrency: number;
  /**
   * It runs before others where it may. A gateway's, because it ends the sessions of applications; an instance's would
   * take the processor from the PostgreSQL beside it, which a failover waits for.
   */
  readonly runsFirst: boolean;
  readonly log: Logger;
  readonly clock: Clock;
  /** Called after each start and each end of the process. */
  readonly onChange: () => void;
}

type State =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'running'; readonly process: Supervised; readonly since: number }
  | { readonly kind: 'waiting'; readonly timer: Timer }
  | { readonly kind: 'stopping'; readonly process: Supervised };

/** sun_path holds 108 bytes with the final zero. https://man7.org/linux/man-pages/man7/unix.7.html */
const LONGEST_SOCKET_PATH_BYTES = 107;
const STOP_LIMIT_MS = 2_000;

export class EnvoyProcess implements Component {
  readonly name = 'envoy';
  readonly adminSocketPath: string;
  readonly #options: EnvoyOptions;
  readonly #log: Logger;
  readonly #bootstrapFile: string;
  readonly #pidFile: string;
  #state: State = { kind: 'stopped' };
  #exits = 0;

  constructor(options: EnvoyOptions) {
    this.#options = options;
    this.#log = options.log.child({ component: 'envoy' });
    this.#bootstrapFile = path.join(options.directory, 'bootstrap.json');
    this.#pidFile = path.join(options.directory, 'envoy.pid');
    this.adminSocketPath = path.join(options.directory, 'admin.sock');
  }

  /** Process id; 0 while none is running. */
  get pid(): number {
    return 'process' in this.#state ? this.#state.process.pid : 0;
  }

  /**
   * Resolves when the process was started, before it has its configuration: see ready().
   * @throws HowdahError `missing-dependency` when the program can't be executed, `invalid-argument` when the directory's
   *   path is too long for a unix socket in it.
   */
  async start(): Promise<void> {
    if (this.#state.kind !== 'stopped') return;
    await this.#checkOptions();
    await mkdir(this.#options.directory, { recursive: true, mode: 0o700 });
    const ended = await endLeftover(this.#pidFile, (cmdline) => cmdline.includes(this.#bootstrapFile), 'SIGKILL');
    if (ended !== 0) this.#log.warn({ pid: ended }, 'Envoy of an earlier agent ended');
    await this.#writeBootstrap();
    this.#exits = 0;
    await this.#spawn();
  }

  async stop(): Promise<void> {
    if (this.#state.kind === 'waiting') {
      this.#state.timer.cancel();
      this.#state = { kind: 'stopped' };
    }
    if (this.#state.kind !== 'stopped') await this.#end(this.#state.process);
    await rm(this.#pidFile, { force: true });
    await rm(this.adminSocketPath, { force: true });
  }

  /** @throws HowdahError as adminGet. */
  adminGet(path: string, timeoutMs?: number): Promise<AdminAnswer> {
    return adminGet(this.adminSocketPath, path, timeoutMs);
  }

  /** Whether Envoy has its configuration and serves. */
  async ready(): Promise<boolean> {
    try {
      return (await this.adminGet('/ready')).status === 200;
    } catch {
      return false;
    }
  }

  async #checkOptions(): Promise<void> {
    if (Buffer.byteLength(this.adminSocketPath) > LONGEST_SOCKET_PATH_BYTES) {
      throw new HowdahError(
        'invalid-argument',
        `${this.adminSocketPath} is longer than the ${LONGEST_SOCKET_PATH_BYTES} bytes that the path of a unix socket ` +
          'may have: choose a state directory with a shorter path',
      );
    }
    try {
      await access(this.#options.binary, constants.X_OK);
    } catch (cause) {
      throw new HowdahError('missing-dependency', `${this.#options.binary} is no program that can be run`, { cause });
    }
  }

  async #writeBootstrap(): Promise<void> {
    const text = JSON.stringify(
      bootstrap({
        ...this.#options.bootstrap,
        adminSocketPath: this.adminSocketPath,
        cachePort: this.#options.cachePort(),
      }),
      undefined,
      2,
    );
    await writeFile(`${this.#bootstrapFile}.new`, text, { mode: 0o600 });
    await rename(`${this.#bootstrapFile}.new`, this.#bootstrapFile);
  }

  async #spawn(): Promise<void> {
    const process = spawnSupervised({
      command: this.#options.binary,
      // Drain time 0: a listener's filter chain that changes closes its sessions at once. Hot restart would share
      // memory by a number that other Envoys of this machine use too.
      args: [
        ...['--config-path', this.#bootstrapFile],
        ...['--concurrency', String(this.#options.concurrency)],
        ...['--drain-time-s', '0', '--drain-strategy', 'immediate'],
        '--disable-hot-restart',
        ...['--log-level', 'info', '--log-format', LOG_FORMAT],
      ],
      cwd: this.#options.directory,
      // Envoy holds nothing that an orderly end would save, and must not serve without its agent.
      deathSignal: 'SIGKILL',
      onLine: (line) => this.#forward(line),
    });
    const why = this.#options.runsFirst ? takePrecedence(process.pid) : '';
    if (why !== '') this.#log.debug({ why }, 'Envoy runs like everybody else');
    this.#state = { kind: 'running', process, since: this.#options.clock.now() };
    this.#log.info({ pid: process.pid }, 'Envoy started');
    void process.exited.then((exit) => this.#onExit(process, exit));
    this.#options.onChange();
    await writeFile(this.#pidFile, `${process.pid}\n`, { mode: 0o600 });
  }

  #onExit(process: Supervised, exit: Exit): void {
    if (this.#state.kind !== 'running' || this.#state.process !== process) return;
    const uptimeMs = Math.round(this.#options.clock.now() - this.#state.since);
    this.#exits = countExits(this.#exits, uptimeMs);
    const delayMs = restartDelayMs(this.#exits);
    this.#log.warn({ pid: process.pid, ...exit, uptimeMs, delayMs }, 'Envoy ended by itself; it is started again');
    this.#state = { kind: 'waiting', timer: this.#options.clock.after(delayMs, () => this.#restart()) };
    this.#options.onChange();
  }

  #restart(): void {
    this.#spawn().catch((error: unknown) => {
      // The process runs all the same when only its pid file could not be written.
      this.#log.error({ err: error }, 'Envoy could not be started again');
      if (this.#state.kind !== 'waiting') return;
      this.#exits += 1;
      const delayMs = restartDelayMs(this.#exits);
      this.#state = { kind: 'waiting', timer: this.#options.clock.after(delayMs, () => this.#restart()) };
    });
  }

  async #end(process: Supervised): Promise<void> {
    this.#state = { kind: 'stopping', process };
    process.kill('SIGTERM');
    const limit = this.#options.clock.after(STOP_LIMIT_MS, () => {
      this.#log.warn({ pid: process.pid }, 'Envoy did not stop in time and is killed');
      process.kill('SIGKILL');
    });
    const exit = await process.exited;
    limit.cancel();
    this.#state = { kind: 'stopped' };
    this.#log.info({ pid: process.pid, ...exit }, 'Envoy stopped');
    this.#options.onChange();
  }

  #forward(text: string): void {
    const { level, logger, message } = parseLogLine(text);
    this.#log[level]({ logger, text: message }, 'Envoy');
  }
}
