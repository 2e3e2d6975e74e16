/** Serves one Envoy what it had last, on a loopback port, while it can't reach a control plane. */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { HowdahError } from '../../../control-plane/model/errors.ts';
import type { Clock } from '../../../control-plane/runtime/clock.ts';
import { SERVER_OPTIONS, type Snapshot, SnapshotCache, XdsServer } from '../../../xds/index.ts';

export class CacheServer {
  readonly #node: string;
  readonly #clock: Clock;
  readonly #snapshots = new SnapshotCache();
  #running: { readonly xds: XdsServer; readonly server: Server } | undefined;
  #port = 0;

  constructor(options: { readonly node: string; readonly clock: Clock }) {
    this.#node = options.node;
    this.#clock = options.clock;
  }

  /** 0 before the start; the same for good after it. */
  get port(): number {
    return this.#port;
  }

  /** Envoy looks here for its configuration at present. */
  get inUse(): boolean {
    return (this.#running?.xds.proxies().length ?? 0) > 0;
  }

  /** An Envoy that comes is told this; undefined: it is told nothing, and keeps what it has. */
  offer(snapshot: Snapshot | undefined): void {
    if (snapshot) this.#snapshots.set(this.#node, snapshot);
    else this.#snapshots.delete(this.#node);
  }

  /** Ends Envoy's stream: it keeps what it has, and comes back only if the control plane does not answer. */
  async letGo(): Promise<void> {
    this.close();
    await this.start();
  }

  close(): void {
    this.#running?.xds.close();
    this.#running?.server.forceShutdown();
    this.#running = undefined;
  }

  /** @throws HowdahError `unavailable` when the port can't be listened on. */
  async start(): Promise<void> {
    const server = new Server(SERVER_OPTIONS);
    const xds = new XdsServer({ cache: this.#snapshots, clock: this.#clock });
    xds.register(server);
    this.#running = { xds, server };
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    server.bindAsync(`127.0.0.1:${this.#port}`, ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(new HowdahError('unavailable', `Envoy's cache: ${error.message}`, { cause: error }));
      else resolve(port);
    });
    this.#port = await promise;
  }
}
