import type { Readable } from 'node:stream';
import type { User } from './pdeathsig.ts';
import { type Exit, start } from './spawn.ts';

/** Short tools (initdb, pg_controldata, pg_rewind): run to the end within a limit, with bounded output. */

export interface CommandOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Run as this user; needs root. Default null: as the caller. */
  readonly user?: User | null;
  /** Default: the caller's environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** The whole process group is killed after this long. */
  readonly timeoutMs: number;
  /** Aborting kills the whole process group. */
  readonly abort?: AbortSignal;
  /** Written to standard input, which is then closed. Default: no input. */
  readonly input?: string;
}

export interface CommandResult extends Exit {
  /** At most MAX_OUTPUT_LENGTH units: the end of what was written, where a failing tool says why. */
  readonly stdout: string;
  readonly stderr: string;
  /** Set when the command was killed by us. */
  readonly ended: 'by-itself' | 'timeout' | 'abort';
}

const MAX_OUTPUT_LENGTH = 1 << 20;

/**
 * Never rejects for what the command does: look at `code`, `signal` and `ended`.
 * Its children must stay in its process group, and aren't bound to the life of this process themselves.
 * @throws HowdahError as spawnSupervised.
 */
export async function runCommand(options: CommandOptions): Promise<CommandResult> {
  const { promise, resolve } = Promise.withResolvers<CommandResult>();
  let ended: CommandResult['ended'] = 'by-itself';
  const { child, pid } = start({ ...options, deathSignal: 'SIGKILL' }, options.input === undefined ? 'ignore' : 'pipe');
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);

  const end = (why: 'timeout' | 'abort') => {
    if (ended !== 'by-itself') return;
    ended = why;
    try {
      // A pid stays taken while a process group of that number has members, so this can't hit a stranger.
      process.kill(-pid, 'SIGKILL');
    } catch {
      // The group is gone already: what is left is a process that left the group and holds our pipes.
    }
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.stdin?.destroy();
  };
  const timer = setTimeout(() => end('timeout'), options.timeoutMs);
  const onAbort = () => end('abort');
  options.abort?.addEventListener('abort', onAbort, { once: true });
  if (options.abort?.aborted) onAbort();

  // A tool that ends without reading its input breaks the pipe; its exit code tells more.
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.input);
  child.on('close', (code, signal) => {
    clearTimeout(timer);
    options.abort?.removeEventListener('abort', onAbort);
    resolve({ code, signal, stdout: stdout(), stderr: stderr(), ended });
  });
  return promise;
}

function collect(stream: Readable | null): () => string {
  let text = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => {
    text += chunk;
    if (text.length > 2 * MAX_OUTPUT_LENGTH) text = text.slice(-MAX_OUTPUT_LENGTH);
  });
  stream?.on('error', () => {});
  return () => text.slice(-MAX_OUTPUT_LENGTH);
}
