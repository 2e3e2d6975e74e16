import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { HowdahError } from '../../control-plane/model/errors.ts';
import type { Component } from '../../control-plane/runtime/component.ts';
import { HEARD_HEADER, LEASE_HEADER, STAMP_HEADER } from '../../control-plane/runtime/knock-headers.ts';
import type { Logger } from '../../control-plane/runtime/logger.ts';
import { answer, type HealthView } from './answer.ts';

/**
 * What Envoys ask each fraction of a second: whether this instance may be sent writes or reads. The answer comes from
 * memory and never waits for PostgreSQL: a frozen agent doesn't answer, which is an answer too.
 */
export interface HealthOptions {
  readonly host: string;
  /** 0 = a free one; see HealthServer.port. */
  readonly port: number;
  /** Asked at each request. */
  view(): HealthView;
  /** A control plane knocks: see Controller.knocked. */
  knocked(heard: string | null, leaseMs: number): string;
  readonly log: Logger;
}

/** Envoy keeps its connection between checks; their interval may be a minute where nothing flows. */
const KEEP_ALIVE_MS = 120_000;

export class HealthServer implements Component {
  readonly name = 'health';
  readonly #options: HealthOptions;
  readonly #log: Logger;
  #server: Server | undefined;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#log = options.log.child({ component: 'health' });
  }

  /** The port that it listens on; 0 while it doesn't. */
  get port(): number {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** @throws HowdahError `failed-precondition` when the address can't be bound. */
  async start(): Promise<void> {
    if (this.#server !== undefined) return;
    const { host, port } = this.#options;
    const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 5_000, maxHeaderSize: 8_192 });
    server.on('request', (request, response) => this.#respond(request, response));
    server.on('clientError', (_error, socket) => socket.destroy());
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    server.listen(port, host, resolve);
    try {
      await promise;
    } catch (cause) {
      throw new HowdahError('failed-precondition', `the health endpoint can't listen on ${host}:${port}: ${cause}`, {
        cause,
      });
    }
    server.removeListener('error', reject);
    server.on('error', (error) => this.#log.warn({ err: error }, 'health endpoint failed to take a connection'));
    this.#server = server;
    this.#log.debug({ host, port: this.port }, 'health endpoint listens');
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    server.closeAllConnections();
    await promise;
  }

  #stamp({ headers }: IncomingMessage): string | undefined {
    const leaseMs = Number(headers[LEASE_HEADER] ?? 0);
    const heard = headers[HEARD_HEADER];
    if (!Number.isSafeInteger(leaseMs) || leaseMs <= 0) return undefined;
    return this.#options.knocked(typeof heard === 'string' ? heard : null, leaseMs);
  }

  #respond(request: IncomingMessage, response: ServerResponse): void {
    const view = this.#options.view();
    const { status, reason } = answer(request.url ?? '/', view);
    const lagBytes = view.lagBytes === null ? null : String(view.lagBytes);
    const body = JSON.stringify({ reason, role: view.role, epoch: view.epoch, lagBytes, ready: view.ready });
    const stamp = this.#stamp(request);
    response.writeHead(status, {
      ...{ 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      ...(stamp === undefined ? {} : { [STAMP_HEADER]: stamp }),
    });
    response.end(body);
    // A body that was sent with the request is not read.
    request.resume();
  }
}
