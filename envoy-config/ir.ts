/**
 * What one proxy must do, in our words. Made by the control plane from cluster states, turned into Envoy's resources
 * by translate(). Knows nothing of protobuf.
 */
export interface ProxyIr {
  /** Envoy's node id: `instance/CLUSTER/INSTANCE` for a database pod, `gateway/NAME` for an application's side. */
  readonly node: string;
  /** Availability zone of the proxy; '' = unknown. */
  readonly zone: string;
  /** Listeners for local clients. */
  readonly routes: readonly RouteIr[];
  /** The PostgreSQL beside this proxy; null where there is none. */
  readonly local: LocalInstanceIr | null;
  /**
   * By listener name: how often it is offered anew because the proxy could not bind its address. A version that was
   * refused is never sent again, so the count is part of the listener. Default: none is.
   */
  readonly attempts?: Readonly<Record<string, number>>;
}

export type RouteKind = 'rw' | 'ro' | 'any' | 'replication';

export interface RouteIr {
  /** Name of the Postgres cluster. */
  readonly cluster: string;
  readonly kind: RouteKind;
  readonly bind: { readonly host: string; readonly port: number };
  /**
   * rw and replication: part of the EnvoyCluster's name, so that a new epoch changes the listener's filter chain and
   * ends every live session of the old one. ro and any: 0, their sessions outlive a change of primary.
   */
  readonly epoch: number;
  /**
   * rw and replication: the epoch whose EnvoyCluster is made beforehand, without an endpoint, so that the listener can
   * lead there with one message and no answer in between. No listener leads there before. Absent = none is.
   */
  readonly nextEpoch?: number;
  /** Empty: connections are accepted and closed at once. */
  readonly endpoints: readonly EndpointIr[];
  /** ro: a standby further behind fails its health check. 0 for the other kinds. */
  readonly maxLagBytes: number;
  /**
   * ro: where reads go while no standby is fit. With `primary` a primary passes the health check too. Follows the spec
   * alone, never the state: a health check that changes replaces the EnvoyCluster. Default `primary`.
   */
  readonly fallback?: 'primary' | 'none';
}

export interface EndpointIr {
  readonly instance: string;
  /** Mesh port of that instance's Envoy (meshRw for rw, mesh for the others). */
  readonly host: string;
  readonly port: number;
  /** The agent's health endpoint, same host. */
  readonly healthPort: number;
  readonly zone: string;
  /** Share of the load among the endpoints, 1 to 128. */
  readonly weight: number;
  /** ro: the primary, used only while no other endpoint passes its health check. Default false. */
  readonly lastResort?: boolean;
  /**
   * Takes no new sessions and keeps those that it has for as long as its health check passes. An endpoint that is left
   * out instead is not checked any more: sessions on it that hang, hang on. Default false.
   */
  readonly draining?: boolean;
}

export interface LocalInstanceIr {
  readonly cluster: string;
  readonly instance: string;
  /** Address that the mesh ports bind to. */
  readonly host: string;
  readonly meshPort: number;
  readonly meshRwPort: number;
  /** PostgreSQL's unix socket, for example /run/x/.s.PGSQL.5432 */
  readonly socketPath: string;
  /** The epoch of which this instance is the primary: the meshRw listener is there only then. 0 = it is not. */
  readonly writableEpoch: number;
}
