/** `howdah up` as a process of a test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
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

  /** Of one of its children, by the name that its log has. */
  childPid(name: string): number {
    const children: { name: string; pid: number }[] = JSON.parse(
      readFileSync(join(this.stateDir, 'children.json'), 'utf8'),
    );
    const found = children.find((child) => child.name === name);
    if (!found) throw new Error(`${name} does not run`);
    return found.pid;
  }

  /** Of whichever control plane answers. */
  api(): ApiClient {
    const files = readdirSync(this.stateDir).filter((name) => /^control-plane(-[b-z])?\.json$/.test(name));
    const contents = files.sort().map((file) => JSON.parse(readFileSync(join(this.stateDir, file), 'utf8')));
    return new ApiClient({ baseUrl: contents.map(({ api }) => api), timeoutMs: 5_000 });
  }

  cluster(name: string): Promise<ClusterStatus> {
    return this.api().cluster(name);
  }
}
