import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** In an Envoy's place: a TCP port of 127.0.0.1 that leads to the unix socket of whoever is the target at present. */
export class Forwarder implements AsyncDisposable {
  readonly #server = createServer((client) => this.#forward(client));
  readonly #sockets = new Set<Socket>();
  /** Path of a socket; '' = nobody: connections are closed at once. */
  #target = '';

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Ends the connections to the former target. */
  pointTo(target: string): void {
    this.#target = target;
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.pointTo('');
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #forward(client: Socket): void {
    if (this.#target === '') {
      client.destroy();
      return;
    }
    const upstream = connect(this.#target);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(one);
      one.setNoDelay(true);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}
