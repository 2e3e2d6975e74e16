/** TCP ports on loopback: whether one is free, and choosing one that nobody else in this run was given. */
import { createServer } from 'node:net';
import { HowdahError } from '../../control-plane/model/errors.ts';

export const LOOPBACK = '127.0.0.1';

/**
 * Chosen ports lie below the range that the kernel takes for outgoing connections (32768 and up by default), so that a
 * connection of anybody can't sit on one while its owner restarts.
 */
export const FIRST_PORT = 20_000;
export const LAST_PORT = 31_999;

/** Whether a port can be listened on now. */
export type PortProbe = (port: number) => Promise<boolean>;

export const probeLoopback: PortProbe = (port) =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: LOOPBACK, port, exclusive: true }, () => server.close(() => resolve(true)));
  });

export class PortAllocator {
  readonly #probe: PortProbe;
  readonly #given = new Set<number>();
  #next: number;

  /** @param random 0 <= x < 1: where the search starts, so that two runs at once rarely want the same port. */
  constructor(probe: PortProbe, random: () => number) {
    this.#probe = probe;
    this.#next = FIRST_PORT + Math.floor(random() * (LAST_PORT - FIRST_PORT + 1));
  }

  /** Keeps a port out of the choice, whoever listens on it. */
  reserve(port: number): void {
    this.#given.add(port);
  }

  /** True and reserved when the port is free and nobody else in this run has it. */
  async take(port: number): Promise<boolean> {
    if (this.#given.has(port)) return false;
    if (!(await this.#probe(port))) return false;
    this.#given.add(port);
    return true;
  }

  /** The port kept from an earlier run if it is still to be had, else another one. */
  async takeOr(kept: number | undefined): Promise<number> {
    if (kept !== undefined && (await this.take(kept))) return kept;
    return this.#choose();
  }

  /** @throws HowdahError `resource-exhausted` when no port of the range is free. */
  async #choose(): Promise<number> {
    for (let tried = FIRST_PORT; tried <= LAST_PORT; tried++) {
      const port = this.#next;
      this.#next = port === LAST_PORT ? FIRST_PORT : port + 1;
      if (await this.take(port)) return port;
    }
    throw new HowdahError(
      'resource-exhausted',
      `no TCP port from ${FIRST_PORT} to ${LAST_PORT} is free on ${LOOPBACK}`,
    );
  }
}
