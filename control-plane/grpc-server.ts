// The one gRPC port, that agents and Envoys share.
import { RpcServer, type RpcServerOptions, type ServiceHost } from '../grpc/rpc-server.ts';
import type { ListenAddress } from './main-options.ts';
import { HowdahError } from './model/errors.ts';
import type { Component } from './runtime/component.ts';

export interface GrpcServerOptions {
  readonly listen: ListenAddress;
  readonly settings: RpcServerOptions;
  /** Each adds its service and ends its own streams. */
  readonly services: readonly GrpcService[];
}

export interface GrpcService {
  register(server: ServiceHost): void;
  close(): void;
}

export class GrpcServer implements Component {
  readonly name = 'grpc';
  readonly #options: GrpcServerOptions;
  readonly #server: RpcServer;
  #address = '';

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#server = new RpcServer(options.settings);
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
    try {
      this.#address = `${shown}:${await this.#server.listen({ host, port })}`;
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      const message = `agents and proxies can't be listened for on ${shown}:${port}: ${detail}`;
      throw new HowdahError('failed-precondition', message, { cause: error });
    }
  }

  async stop(): Promise<void> {
    for (const service of this.#options.services) service.close();
    await this.#server.close();
  }
}
