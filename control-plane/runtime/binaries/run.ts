import { spawn } from 'node:child_process';

/** How a short-lived program ended. */
export interface RunResult {
  /** Exit code; null when it could not be started, was killed or took too long. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Why there is no exit code; '' otherwise. */
  readonly failure: string;
}

export interface RunOptions {
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Run as this user, with no supplementary groups. Only root may. */
  readonly user?: { readonly uid: number; readonly gid: number } | null;
  /** Where standard output goes instead of into `stdout`. */
  readonly stdout?: number | 'ignore';
}

/** Runs a program to its end, never through a shell. Doesn't reject: a program that can't run is a result too. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['ignore', options.stdout ?? 'pipe', 'pipe'],
      cwd: '/',
      env: { ...(options.env ?? process.env), LC_ALL: 'C' },
      ...(options.user ? { uid: options.user.uid, gid: options.user.gid } : {}),
    });
    // Not spawn's own `timeout`: its timer outlives a program that can't be started, and keeps the process from ending.
    const limit = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 20_000);
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', (error) => {
      clearTimeout(limit);
      resolve({ code: null, stdout, stderr, failure: error.message });
    });
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      resolve({ code, stdout, stderr, failure: signal === null ? '' : `ended by ${signal}` });
    });
  });
}

/** What a program that failed said of it: its last line, or how it ended. */
export function complaint(result: RunResult): string {
  const said = (result.stderr.trim() || result.stdout.trim()).split('\n').at(-1) ?? '';
  return result.failure || said || `exit code ${result.code}`;
}
