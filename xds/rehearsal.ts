/**
 * The first changes that a process publishes are slow: V8 runs code that it has not compiled yet, and compiles it while
 * they wait. A rehearsal goes through hundreds of changes before the first real one: proxies of its own, at a server of its
 * own, over connections as they are in earnest. Nothing of it is seen elsewhere.
 */
import { type ClientHttp2Session, connect } from 'node:http2';
import { RpcServer } from '../grpc/rpc-server.ts';
import { SnapshotCache } from './cache.ts';
import { RehearsalProxy } from './rehearsal-proxy.ts';
import { sampleSnapshot } from './rehearsal-sample.ts';
import { SERVER_OPTIONS, XdsServer } from './server.ts';
import type { Variant } from './session-types.ts';
import type { Snapshot } from './snapshot.ts';
import type { XdsClock } from './stream-server.ts';
import { ENDPOINT_TYPE } from './type-urls.ts';

export interface RehearsalOptions {
  readonly clock: XdsClock;
  /**
   * What the proxies have after so many changes; 0 = when they connect.
   * @param before what they have until then
   * Default: a sample in which endpoints change.
   */
  readonly snapshot?: (change: number, before: Snapshot | undefined) => Snapshot;
  /** In each variant of the protocol. Default: 500. */
  readonly changes?: number;
  /** Between two changes, in milliseconds: a process that already works is not held up. Default: 4. */
  readonly pauseMs?: number;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

const CHANGES = 500;
const PAUSE_MS = 4;
/** Each on a connection of its own. */
const PROXIES = 3;
/** Clusters, endpoints, listeners. */
const TYPES = 3;
/** A change takes less than a millisecond: one that takes so long is none that ends. */
const LIMIT_MS = 10_000;

/**
 * Resolves when it is over, all of it gone again.
 * @throws Error when no port of the loopback can be had, or a change does not arrive; what `snapshot` throws
 */
export async function rehearse(options: RehearsalOptions): Promise<void> {
  const { signal } = options;
  const rehearsal = new Rehearsal(options);
  try {
    await rehearsal.connect();
    for (const variant of ['sotw', 'delta'] as const) if (!signal?.aborted) await rehearsal.play(variant);
  } finally {
    await rehearsal.close();
  }
}

class Rehearsal {
  readonly #options: RehearsalOptions;
  readonly #cache = new SnapshotCache();
  readonly #server: RpcServer;
  readonly #xds: XdsServer;
  readonly #sessions: ClientHttp2Session[] = [];
  readonly #closed: Promise<unknown>[] = [];
  #onSettled: () => void = () => {};

  constructor(options: RehearsalOptions) {
    const { clock } = options;
    this.#options = options;
    this.#server = new RpcServer({ ...SERVER_OPTIONS, clock });
    const onAck = () => {
      if (this.#isSettled()) this.#onSettled();
    };
    this.#xds = new XdsServer({ cache: this.#cache, clock, hooks: { onAck } });
    this.#xds.register(this.#server);
  }

  async connect(): Promise<void> {
    const port = await this.#server.listen({ host: '127.0.0.1', port: 0 });
    for (let proxy = 0; proxy < PROXIES; proxy++) {
      const session = connect(`http://127.0.0.1:${port}`);
      // What came of it is seen by the changes that do not arrive.
      session.on('error', () => {});
      this.#closed.push(new Promise((resolve) => session.once('close', resolve)));
      this.#sessions.push(session);
    }
  }

  async play(variant: Variant): Promise<void> {
    const { snapshot = sampleSnapshot, changes = CHANGES, pauseMs = PAUSE_MS, signal } = this.#options;
    const nodes = this.#sessions.map((_, index) => `rehearsal/${variant}-${index}`);
    const publish = (change: number) => {
      for (const node of nodes) this.#cache.set(node, snapshot(change, this.#cache.get(node)));
    };
    publish(0);
    const proxies = this.#sessions.map((session, index) => {
      const node = nodes[index] ?? '';
      const endpoints = () => [...(this.#cache.get(node)?.sets[ENDPOINT_TYPE].resources.keys() ?? [])];
      return new RehearsalProxy({ session, variant, node, endpoints });
    });
    await this.#settled();
    for (let change = 1; change <= changes && !signal?.aborted; change++) {
      publish(change);
      await this.#settled();
      await this.#pause(pauseMs);
    }
    for (const proxy of proxies) proxy.close();
  }

  async close(): Promise<void> {
    this.#xds.close();
    for (const session of this.#sessions) session.destroy();
    await Promise.all([...this.#closed, this.#server.close()]);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.after(ms, resolve);
    });
  }

  async #settled(): Promise<void> {
    if (this.#isSettled()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#onSettled = resolve;
    const late = () => reject(new Error(`a change of the rehearsal did not arrive within ${LIMIT_MS} ms`));
    const timer = this.#options.clock.after(LIMIT_MS, late);
    try {
      await promise;
    } finally {
      timer.cancel();
    }
  }

  /** All proxies have all types, and nothing is under way to them. */
  #isSettled(): boolean {
    const states = this.#xds.proxies();
    const isThere = states.length >= PROXIES;
    return (
      isThere && states.every(({ types }) => types.filter(({ acked, pending }) => acked && !pending).length === TYPES)
    );
  }
}
