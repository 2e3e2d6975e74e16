/** Serves one Envoy what it had last, over a unix socket, while it can't reach a control plane. */
import { rm } from 'node:fs/promises';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { HowdahError } from '../../../control-plane/model/errors.ts';
import type { Clock } from '../../../control-plane/runtime/clock.ts';
import { SERVER_OPTIONS, type Snapshot, SnapshotCache, XdsServer } from '../../../xds/index.ts';

export class CacheServer {
  readonly #socketPath: string;
  readonly #node: string;
  readonly #clock: Clock;
  readonly #snapshots = new SnapshotCache();
  #running: { readonly xds: XdsServer; readonly server: Server } | undefined;

  constructor(options: { readonly socketPath: string; readonly node: string; readonly clock: Clock }) {
    this.#socketPath = options.socketPath;
    this.#node = options.node;
    this.#clock = options.clock;
  }

  /** Envoy takes its configuration from here at present. */
  get inUse(): boolean {
    return (this.#running?.xds.proxies().length ?? 0) > 0;
  }

  /** Envoy would stay with a source that has nothing: it is listened for only once there is something to say. */
  async offer(snapshot: Snapshot): Promise<void> {
    this.#snapshots.set(this.#node, snapshot);
    if (!this.#running) await this.#listen();
  }

  /** Ends Envoy's stream: it keeps what it has, asks the control plane, and comes back only if that does not answer. */
  async letGo(): Promise<void> {
    await this.close();
    await this.#listen();
  }

  async close(): Promise<void> {
    this.#running?.xds.close();
    this.#running?.server.forceShutdown();
    this.#running = undefined;
    await rm(this.#socketPath, { force: true });
  }

  async #listen(): Promise<void> {
    await rm(this.#socketPath, { force: true });
    const server = new Server(SERVER_OPTIONS);
    const xds = new XdsServer({ cache: this.#snapshots, clock: this.#clock });
    xds.register(server);
    this.#running = { xds, server };
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.bindAsync(`unix:${this.#socketPath}`, ServerCredentials.createInsecure(), (error) => {
      if (error) reject(new HowdahError('unavailable', `${this.#socketPath}: ${error.message}`, { cause: error }));
      else resolve();
    });
    await promise;
  }
}
