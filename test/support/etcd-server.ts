/** A real etcd of a test: one member on free ports, data in a directory of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { etcdFlags } from '../../cli/local/etcd-flags.ts';
import { findEtcd } from '../../control-plane/runtime/binaries/index.ts';
import { EtcdClient } from '../../control-plane/store/etcd/client.ts';
import { freePorts } from './free-port.ts';
import { until } from './until.ts';

export class EtcdServer {
  readonly url: string;
  readonly directory: string;
  readonly #path: string;
  readonly #peerUrl: string;
  #process: ChildProcess | null = null;
  #log = '';

  private constructor(path: string, directory: string, [port, peerPort]: readonly number[]) {
    this.#path = path;
    this.directory = join(directory, 'etcd');
    this.url = `http://127.0.0.1:${port}`;
    this.#peerUrl = `http://127.0.0.1:${peerPort}`;
  }

  /** @param directory where its data is kept; the caller removes it after stop(). */
  static async start(directory: string): Promise<EtcdServer> {
    const server = new EtcdServer((await findEtcd()).path, directory, await freePorts(2));
    await server.start();
    return server;
  }

  /** Starts it, or starts it again over what the directory holds, and waits until it answers. */
  async start(): Promise<void> {
    const { directory: dataDirectory, url } = this;
    const args = etcdFlags({ name: 'test', dataDirectory, url, peerUrl: this.#peerUrl });
    const child = spawn(this.#path, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
      });
    }
    this.#process = child;
    const client = new EtcdClient([this.url]);
    try {
      await until(() => client.range({ key: 'ready' }), { what: `etcd to answer (${this.#log})`, timeoutMs: 20_000 });
    } catch (error) {
      await this.stop('SIGKILL');
      throw new Error(`etcd does not start: ${this.#log}`, { cause: error });
    } finally {
      client.close();
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  async stop(name: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(name);
    await ended;
  }
}
