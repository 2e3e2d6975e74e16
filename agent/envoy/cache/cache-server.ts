/** Serves one Envoy what it had last, on a loopback port, while it can't reach a control plane. */
import { HowdahError } from '../../../control-plane/model/errors.ts';
import type { Clock } from '../../../control-plane/runtime/clock.ts';
import { RpcServer, SERVER_OPTIONS, type Snapshot, SnapshotCache, XdsServer } from '../../../xds/index.ts';

export class CacheServer {
  readonly #node: string;
  readonly #clock: Clock;
  readonly #snapshots = new SnapshotCache();
  #running: { readonly xds: XdsServer; readonly server: RpcServer } | undefined;
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
    void this.#running?.server.close();
    this.#running = undefined;
  }

  /** @throws HowdahError `unavailable` when the port can't be listened on. */
  async start(): Promise<void> {
    const server = new RpcServer({ ...SERVER_OPTIONS, clock: this.#clock });
    const xds = new XdsServer({ cache: this.#snapshots, clock: this.#clock });
    xds.register(server);
    this.#running = { xds, server };
    try {
      this.#port = await server.listen({ host: '127.0.0.1', port: this.#port });
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      throw new HowdahError('unavailable', `Envoy's cache: ${detail}`, { cause: error });
    }
  }
}
