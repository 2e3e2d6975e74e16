/**
 * One Envoy: it takes what it is given some time later, and what that does to live sessions is what the real one does.
 * A listener that points elsewhere ends the sessions of its filter chain within milliseconds; an endpoint that is taken
 * away ends none; a health check that fails ends those on its endpoint.
 */
import type { ProxyIr, RouteIr } from '../../envoy-config/ir.ts';

export class EnvoyModel {
  readonly node: string;
  #ir: ProxyIr | null = null;
  #rw: RouteIr | undefined;
  #rwTarget: string | undefined;
  #replication: string | undefined;

  constructor(node: string) {
    this.node = node;
  }

  apply(ir: ProxyIr): void {
    this.#ir = ir;
    this.#rw = ir.routes.find(({ kind }) => kind === 'rw');
    this.#rwTarget = this.#rw?.endpoints.find(({ draining }) => !draining)?.instance;
    this.#replication = ir.routes.find(({ kind }) => kind === 'replication')?.endpoints[0]?.instance;
  }

  /** Its process ended: another one begins with nothing. */
  reset(): void {
    this.#ir = null;
    this.#rw = undefined;
    this.#rwTarget = undefined;
    this.#replication = undefined;
  }

  /** Of the EnvoyCluster that the rw listener points at. */
  get rwEpoch(): number {
    return this.#rw?.epoch ?? 0;
  }

  /** Where new rw sessions are led; undefined = they are closed at once. */
  get rwTarget(): string | undefined {
    return this.#rwTarget;
  }

  /** The epoch for which its port for writes of other proxies is open; 0 = it is shut. */
  get writableEpoch(): number {
    return this.#ir?.local?.writableEpoch ?? 0;
  }

  get replicationTarget(): string | undefined {
    return this.#replication;
  }
}

/** An application's connection through the rw listener of a gateway's Envoy and the mesh port of an instance's. */
export interface Session {
  readonly target: string;
  /** Of the filter chain at the gateway, and of the port at the instance. */
  readonly epoch: number;
  /** Of the agent and the PostgreSQL that it was made to. */
  readonly run: string;
}

/** The filter chains that it runs through are still there. */
export function isCarried(session: Session, gateway: EnvoyModel, instance: EnvoyModel): boolean {
  return gateway.rwEpoch === session.epoch && instance.writableEpoch === session.epoch;
}
