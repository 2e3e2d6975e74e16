/**
 * How the harness talks with the programs of the benchmark: one JSON object a line on stdin and stdout. Times are
 * nanoseconds of CLOCK_MONOTONIC, which process.hrtime.bigint() reads here and clock_gettime in the Go programs.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

export interface ChangeOrder {
  /** A text that the endpoints hold from then on. */
  readonly marker: string;
  /** Numbers of proxies; empty = all. */
  readonly proxies: readonly number[];
}

/** What a program is told: one of these. */
export interface Command {
  readonly connect?: true;
  readonly expect?: ChangeOrder;
  readonly change?: ChangeOrder;
}

/** What a program says. */
export interface ProgramEvent {
  readonly event: 'ready' | 'connecting' | 'configured' | 'expecting' | 'published' | 'received';
  readonly ns: number;
  readonly port?: number;
  readonly bytes?: number;
  readonly marker?: string;
}

/** Processor time and memory of a process, as /proc shows them. */
export interface Usage {
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly peakMb: number;
}

export class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #events: ProgramEvent[] = [];
  #wake: () => void = () => {};
  #failure: Error | undefined;

  /** The kernel ends the program when this process dies. */
  constructor(name: string, command: readonly string[]) {
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.#events.push(JSON.parse(line));
      this.#wake();
    });
    this.#child.on('error', (error) => this.#fail(error));
    this.#child.on('exit', (code, signal) => this.#fail(new Error(`${name} ended (${signal ?? code})`)));
    this.#child.stdin!.on('error', (error) => this.#fail(error));
  }

  tell(command: Command): void {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
  }

  /** The next event; it must be this one. */
  async next(event: ProgramEvent['event'], timeoutMs = 120_000): Promise<ProgramEvent> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const first = this.#events.shift();
      if (first?.event === event) return first;
      if (first) throw new Error(`${first.event} came where ${event} was awaited`);
      if (this.#failure) throw this.#failure;
      const restMs = deadline - performance.now();
      if (restMs <= 0) throw new Error(`waited ${timeoutMs} ms for ${event}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, restMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  usage(): Usage {
    const pid = this.#child.pid!;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const megabytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
    return {
      cpuMs: (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK,
      rssMb: megabytes('VmRSS'),
      peakMb: megabytes('VmHWM'),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined) return;
    const exit = once(this.#child, 'exit');
    // With the end of stdin it ends by itself, and a profile gets written.
    this.#child.stdin!.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await exit;
    clearTimeout(timer);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}

/** USER_HZ is 100 on every Linux that Node runs on. https://man7.org/linux/man-pages/man7/time.7.html */
const MS_PER_TICK = 10;
