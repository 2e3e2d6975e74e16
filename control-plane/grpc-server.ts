// The one gRPC port, that agents and Envoys share.
import { Server as GrpcServerImpl, type Server, ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import type { ListenAddress } from './main-options.ts';
import { HowdahError } from './model/errors.ts';
import type { Component } from './runtime/component.ts';

export interface GrpcServerOptions {
  readonly listen: ListenAddress;
  readonly settings: ServerOptions;
  /** Each adds its service and ends its own streams. */
  readonly services: readonly GrpcService[];
}

export interface GrpcService {
  register(server: Server): void;
  close(): void;
}

export class GrpcServer implements Component {
  readonly name = 'grpc';
  readonly #options: GrpcServerOptions;
  readonly #server: Server;
  #address = '';

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#server = new GrpcServerImpl(options.settings);
    for (const service of options.services) service.register(this.#server);
  }

  /** `HOST:PORT`; '' before the start. */
  get address(): string {
    return this.#address;
  }

  /** @throws HowdahError `failed-precondition` when the address can't be listened on. */
  async start(): Promise<void> {
    const { host, port } = this.#options.listen;
    const shown = host.includes(':') ? `[${host}]` : host;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#server.bindAsync(`${shown}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
    try {
      this.#address = `${shown}:${await promise}`;
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      const message = `agents and proxies can't be listened for on ${shown}:${port}: ${detail}`;
      throw new HowdahError('failed-precondition', message, { cause: error });
    }
  }

  async stop(): Promise<void> {
    for (const service of this.#options.services) service.close();
    // Streams that were just ended still carry their last word; a peer that doesn't read it is not waited for.
    this.#server.forceShutdown();
  }
}
