// The way of a change to the proxies is warm before the first failover needs it.
import type { EndpointIr, ProxyIr, RouteIr } from '../envoy-config/ir.ts';
import { translate } from '../envoy-config/translate.ts';
import { buildSnapshot, rehearse, type XdsClock } from '../xds/index.ts';
import type { Component } from './runtime/component.ts';
import type { Logger } from './runtime/logger.ts';

/** Each makes all resources anew: fewer do. */
const CHANGES = 200;

export class Rehearsal implements Component {
  readonly name = 'rehearsal';
  readonly #clock: XdsClock;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  #played: Promise<void> = Promise.resolve();

  constructor(clock: XdsClock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Does not wait for its end: agents and proxies are served meanwhile. */
  async start(): Promise<void> {
    this.#played = this.#play();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#played;
  }

  async #play(): Promise<void> {
    const snapshot = (change: number) => buildSnapshot(translate(rehearsedProxy(change)));
    try {
      await rehearse({ clock: this.#clock, snapshot, changes: CHANGES, signal: this.#stop.signal });
      this.#log.debug('rehearsed the way of a change');
    } catch (error) {
      // It is then as slow as it would have been.
      this.#log.warn({ err: error }, 'the way of a change could not be rehearsed: the first changes take longer');
    }
  }
}

/** Each change drains a standby or takes it back; every tenth is a failover. */
function rehearsedProxy(change: number): ProxyIr {
  const instances = ['rehearsal-1', 'rehearsal-2', 'rehearsal-3'].map(
    (instance, index): EndpointIr => ({
      ...{ instance, host: `192.0.2.${index + 1}`, port: 15432, healthPort: 8008, zone: '', weight: 1 },
      draining: index === change % 2,
    }),
  );
  const epoch = 1 + Math.floor(change / 10);
  const bind = { host: '127.0.0.1', port: 5432 };
  const primary = { ...instances[epoch % instances.length]!, draining: false };
  const rw: RouteIr = { cluster: 'rehearsal', kind: 'rw', bind, epoch, endpoints: [primary], maxLagBytes: 0 };
  const ro: RouteIr = { ...rw, kind: 'ro', epoch: 0, endpoints: instances, maxLagBytes: 16 * 1024 * 1024 };
  return { node: 'rehearsal', zone: '', routes: [rw, { ...ro, bind: { ...bind, port: 5433 } }], local: null };
}
