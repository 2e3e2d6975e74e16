/** The control group of one node: freezing it stops every process of the node at once, as a machine that hangs. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../support/until.ts';
import { cgroupRoot, PREFIX, sealedRun } from './sealed.ts';

export class Group {
  readonly directory: string | null;

  constructor(node: string) {
    const root = cgroupRoot();
    this.directory = root === undefined ? null : join(root, `${PREFIX}${sealedRun() ?? process.pid}`, node);
    if (this.directory !== null) mkdirSync(this.directory, { recursive: true });
  }

  /** Process ids, as they are known in this process's own namespace. */
  get pids(): number[] {
    const text = readFileSync(join(this.#directory(), 'cgroup.procs'), 'utf8');
    return text.split('\n').filter(Boolean).map(Number);
  }

  /** Nothing in it runs from before `action` until after it, also when it fails. */
  async frozenWhile<T>(action: () => T | Promise<T>): Promise<T> {
    try {
      await this.#freeze();
      return await action();
    } finally {
      this.thaw();
    }
  }

  /** Harmless where nothing is frozen. */
  thaw(): void {
    this.#write('cgroup.freeze', '0');
  }

  /** Ends everything in it in one moment, as a power cut does. */
  kill(): void {
    this.#write('cgroup.kill', '1');
  }

  remove(): void {
    if (this.directory !== null && existsSync(this.directory)) rmdirSync(this.directory);
  }

  /** Resolves when nothing in it runs any more. */
  async #freeze(): Promise<void> {
    this.#write('cgroup.freeze', '1');
    const frozen = () => readFileSync(join(this.#directory(), 'cgroup.events'), 'utf8').includes('frozen 1');
    await until(frozen, { what: 'a node to be frozen', intervalMs: 1 });
  }

  #write(file: string, text: string): void {
    writeFileSync(join(this.#directory(), file), text);
  }

  #directory(): string {
    if (this.directory === null) throw new Error('control groups of version 2 are not mounted on this machine');
    return this.directory;
  }
}
