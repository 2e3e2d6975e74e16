/** `howdah up` as a process of a test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApiClient } from '../../control-plane/api/client.ts';
import type { ClusterStatus } from '../../control-plane/api/contract.ts';
import { NotYet, until } from './until.ts';

export const HOWDAH = join(import.meta.dirname, '../../cli/bin.js');

export class HowdahUp {
  readonly stateDir: string;
  readonly process: ChildProcess;
  #output = '';

  constructor(stateDir: string, files: readonly string[], ...flags: readonly string[]) {
    this.stateDir = stateDir;
    const named = files.flatMap((file) => ['-f', file]);
    this.process = spawn(process.execPath, [HOWDAH, 'up', '--state-dir', stateDir, ...named, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.process.stdout!, this.process.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
  }

  /** Everything that it wrote. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.process.pid!;
  }

  async ready(timeoutMs = 60_000): Promise<this> {
    const outcome = await until(
      () => {
        if (this.#output.includes('Ctrl-C stops everything')) return 'ready';
        return this.#hasEnded() ? 'ended' : new NotYet(this.#output);
      },
      { what: 'howdah up to be ready', timeoutMs },
    );
    if (outcome === 'ended') throw new Error(`howdah up ended: ${this.#output}`);
    return this;
  }

  /** Sends the signal and resolves with the exit code when it has ended. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.#hasEnded()) return this.process.exitCode;
    const ended = once(this.process, 'exit');
    this.process.kill(signal);
    const [code] = await ended;
    return code;
  }

  #hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  /** Of the control plane that runs now: its address stays, its pid changes. */
  controlPlane(): { pid: number; api: string; xds: string } {
    return JSON.parse(readFileSync(join(this.stateDir, 'control-plane.json'), 'utf8'));
  }

  api(): ApiClient {
    return new ApiClient({ baseUrl: this.controlPlane().api, timeoutMs: 5_000 });
  }

  cluster(name: string): Promise<ClusterStatus> {
    return this.api().cluster(name);
  }
}
