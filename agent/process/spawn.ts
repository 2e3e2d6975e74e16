import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { HowdahError } from '../../control-plane/model/errors.ts';
import { LineSplitter } from './lines.ts';
import { boundToParent, type DeathSignal, findSetpriv, otherUser, type User } from './pdeathsig.ts';

/** Long-running children: PostgreSQL, Envoy, agents. The kernel ends each when this process dies, however it dies. */
export interface Exit {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
}

export interface Supervised {
  readonly pid: number;
  /** Settles as soon as the process is gone, even while others hold its output open; never rejects. */
  readonly exited: Promise<Exit>;
  /** Sends the signal to the process alone; nothing happens once it has exited. */
  kill(signal: NodeJS.Signals): void;
}

export interface SuperviseOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Run as this user; needs root. Default null: as the caller. */
  readonly user?: User | null;
  /** Default: the caller's environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Default `/`: the caller's may be closed to `user`. */
  readonly cwd?: string;
  readonly deathSignal: DeathSignal;
  onLine(line: string, stream: 'stdout' | 'stderr'): void;
}

/** Longer lines are cut, in UTF-16 units. */
const MAX_LINE_LENGTH = 16_384;

/**
 * Starts a child in a session of its own, so that a terminal's Ctrl-C reaches the parent only, which stops things in
 * order. To be called on the main thread: the death signal follows the thread that started the child.
 * A command that can't be executed exits with 127 or 126.
 * @throws HowdahError `missing-dependency` without setpriv, `unavailable` when the system starts no more processes.
 */
export function spawnSupervised(options: SuperviseOptions): Supervised {
  const { child, pid } = start(options, 'ignore');
  for (const stream of ['stdout', 'stderr'] as const) {
    const splitter = new LineSplitter((line) => options.onLine(line, stream), MAX_LINE_LENGTH);
    const readable: Readable | null = child[stream];
    readable?.setEncoding('utf8');
    readable?.on('data', (chunk: string) => splitter.push(chunk));
    readable?.on('end', () => splitter.end());
    readable?.on('error', () => splitter.end());
  }
  const { promise: exited, resolve } = Promise.withResolvers<Exit>();
  child.on('exit', (code, signal) => resolve({ code, signal }));
  return { pid, exited, kill: (signal) => void child.kill(signal) };
}

export interface StartOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly user?: User | null;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly deathSignal: DeathSignal;
}

/** What spawnSupervised and runCommand share: a child with piped output, bound to the life of this process. */
export function start(options: StartOptions, stdin: 'ignore' | 'pipe'): { child: ChildProcess; pid: number } {
  const line = boundToParent({
    setpriv: findSetpriv(process.env.PATH ?? ''),
    command: options.command,
    args: options.args,
    user: otherUser(options.user ?? null),
    deathSignal: options.deathSignal,
    parentPid: process.pid,
  });
  const child: ChildProcess = spawn(line.file, line.args, {
    cwd: options.cwd ?? '/',
    env: options.env ?? process.env,
    stdio: [stdin, 'pipe', 'pipe'],
    detached: true,
  });
  // What could be told by it: that no process was started, said below at once; that a signal could not be sent, which
  // leaves the process as it is, so that whoever waits for its end goes on waiting.
  child.on('error', () => {});
  const pid = child.pid;
  if (pid === undefined) {
    throw new HowdahError('unavailable', `the system did not start ${options.command} in ${options.cwd ?? '/'}`);
  }
  return { child, pid };
}
