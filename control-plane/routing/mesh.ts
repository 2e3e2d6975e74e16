/** From the state of clusters to what each proxy must do. Pure. */
import type { EndpointIr, LocalInstanceIr, ProxyIr, RouteIr, RouteKind } from '../../envoy-config/ir.ts';
import { sourceOf } from '../manager/sources.ts';
import { type ClusterState, liveReport, observed } from '../manager/state.ts';
import { type ClusterRecord, memberNames, primaryOf } from '../model/cluster-record.ts';
import { tagsOf } from '../model/cluster-spec.ts';
import type { InstancePorts, Placement } from '../model/instance.ts';

/** Full share of the reads; falls with lag. */
const FULL_WEIGHT = 128;

/** What applications are led along: the same at every proxy, but for the port. */
export type ClusterRoutes = Readonly<Record<ServedKind, Route>>;

type ServedKind = Exclude<RouteKind, 'replication'>;
type Route = Omit<RouteIr, 'bind'>;

const SERVED_KINDS = ['rw', 'ro', 'any'] as const;

export function clusterRoutes(state: ClusterState): ClusterRoutes {
  return { rw: route(state, 'rw'), ro: route(state, 'ro'), any: route(state, 'any') };
}

/** The proxy of a database pod; undefined while its placement is unknown. */
export function instanceProxy(
  state: ClusterState,
  instance: string,
  served = clusterRoutes(state),
): ProxyIr | undefined {
  const { record } = state;
  const placement = record.placements[instance];
  if (!placement) return undefined;
  const { ports } = placement;
  const routes = SERVED_KINDS.map((kind) => at(served[kind], ports[kind]));
  const replication = at(route(state, 'replication'), ports.replication);
  // A primary does not replicate from itself.
  const source = [sourceOf(state, instance)].filter((name) => name !== instance);
  return {
    node: instanceNode(record.spec.name, instance),
    zone: placement.zone,
    routes: [
      ...routes,
      { ...replication, endpoints: compact(source.map((name) => endpoint(record, name, 'mesh', {}))) },
    ],
    local: localInstance(record, instance, placement),
  };
}

/** Of a proxy on an application's side: those of one cluster, at the ports of its spec. */
export function gatewayRoutes(state: ClusterState, served = clusterRoutes(state)): RouteIr[] {
  const { routes } = state.record.spec;
  return SERVED_KINDS.filter((kind) => routes[kind].port > 0).map((kind) => at(served[kind], routes[kind].port));
}

export function instanceNode(cluster: string, instance: string): string {
  return `instance/${cluster}/${instance}`;
}

function localInstance(record: ClusterRecord, instance: string, placement: Placement): LocalInstanceIr {
  return {
    cluster: record.spec.name,
    instance,
    host: placement.host,
    meshPort: placement.ports.mesh,
    meshRwPort: placement.ports.meshRw,
    socketPath: `${placement.socketDir}/.s.PGSQL.5432`,
    writableEpoch: instance === primaryOf(record.phase) ? record.epoch : 0,
  };
}

function at(route: Route, port: number): RouteIr {
  return { ...route, bind: { host: '127.0.0.1', port } };
}

function route(state: ClusterState, kind: RouteKind): Route {
  const { record } = state;
  const fenced = kind === 'rw' || kind === 'replication';
  const plain = {
    cluster: record.spec.name,
    kind,
    epoch: fenced ? record.epoch : 0,
    endpoints: endpoints(state, kind),
    maxLagBytes: kind === 'ro' ? record.spec.routes.ro.maxLagBytes : 0,
  };
  if (kind === 'ro') return { ...plain, fallback: record.spec.routes.ro.fallback };
  return fenced && isSettled(state) ? { ...plain, nextEpoch: record.epoch + 1 } : plain;
}

function endpoints(state: ClusterState, kind: RouteKind): EndpointIr[] {
  const { record } = state;
  const { phase } = record;
  const primary = primaryOf(phase);
  switch (kind) {
    case 'rw':
      return isOpen(record) || isLeaving(record) || isOpening(state)
        ? compact([endpoint(record, primary, 'meshRw', { draining: !isOpen(record) })])
        : [];
    case 'replication':
      // Each instance has its own.
      return [];
    case 'ro':
      return readEndpoints(state);
    case 'any': {
      const takes = (name: string) => takesReads(state, name) && (name !== primary || isOpen(record));
      return compact(memberNames(record).map((name) => endpoint(record, name, 'mesh', { draining: !takes(name) })));
    }
  }
}

/** New rw sessions are let in. */
function isOpen(record: ClusterRecord): boolean {
  return record.phase.kind === 'active' && record.phase.gate === 'open';
}

/**
 * The gate is closed still, and the primary is there: Envoy checks it already, and lets nobody in. A host takes sessions
 * only after its first check, and whoever waits for the gate shall not wait for that too.
 */
function isOpening(state: ClusterState): boolean {
  const { phase } = state.record;
  if (phase.kind !== 'active' || phase.gate !== 'closed') return false;
  return liveReport(state, phase.primary)?.postgres.kind === 'primary';
}

/**
 * What the proxies need for the next change of primary is prepared once the last one is over: with the checkpoint that
 * the new primary makes when all else is done. A primary that nothing is heard of has made it.
 */
function isSettled(state: ClusterState): boolean {
  const { phase } = state.record;
  if (phase.kind !== 'active' && !isLeaving(state.record)) return false;
  const report = liveReport(state, primaryOf(phase));
  return report?.postgres.kind !== 'primary' || report.postgres.checkpointTimeline === report.timeline;
}

/** A switchover has begun: rw sessions may end their transactions, no new one comes in. */
function isLeaving(record: ClusterRecord): boolean {
  return record.phase.kind === 'draining' || record.phase.kind === 'stopping';
}

/**
 * Every instance is named, so that Envoy goes on checking those that take no new sessions and ends the ones they have
 * when they fail.
 */
function readEndpoints(state: ClusterState): EndpointIr[] {
  const { record } = state;
  const { fallback } = record.spec.routes.ro;
  const primary = primaryOf(record.phase);
  const standbys = memberNames(record).filter((name) => name !== primary);
  const found = standbys.map((name) => endpoint(record, name, 'mesh', readTraits(state, primary, name)));
  if (fallback === 'primary' && isOpen(record)) found.push(endpoint(record, primary, 'mesh', { lastResort: true }));
  return compact(found);
}

function readTraits(state: ClusterState, primary: string, name: string) {
  const { maxLagBytes } = state.record.spec.routes.ro;
  const lag = lagBytes(state, primary, name);
  return { draining: !takesReads(state, name) || lag > maxLagBytes, weight: weight(lag, maxLagBytes) };
}

/**
 * All that the routes of a cluster follow beside its record, as a short text: the same record and the same text are
 * the same routes.
 */
export function servingText(state: ClusterState): string {
  const { record } = state;
  const primary = primaryOf(record.phase);
  let text = `${isOpening(state) ? 'opening' : ''} ${isSettled(state) ? 'settled' : ''}`;
  for (const name of memberNames(record)) {
    const { draining, weight } = readTraits(state, primary, name);
    text += ` ${mayServe(state, name) ? '+' : '-'}${draining ? '-' : '+'}${weight}${sourceOf(state, name)}`;
  }
  return text;
}

/** How far a standby's replay is behind, as the primary last told; 0 while nobody tells. */
function lagBytes(state: ClusterState, primary: string, name: string): number {
  const postgres = liveReport(state, primary)?.postgres;
  if (postgres?.kind !== 'primary') return 0;
  const connection = postgres.standbys.find((standby) => standby.name === name);
  if (!connection || connection.replayLsn === 0n) return 0;
  return Number(postgres.flushLsn - connection.replayLsn);
}

/** In steps, so that a little lag does not change the routes at each report. */
function weight(lag: number, maxLagBytes: number): number {
  const share = maxLagBytes > 0 ? lag / maxLagBytes : 0;
  return share < 0.25 ? FULL_WEIGHT : share < 0.5 ? FULL_WEIGHT / 2 : FULL_WEIGHT / 8;
}

/** New reads are let in: not by one that is about to leave, nor by one whose tags forbid it. */
function takesReads(state: ClusterState, instance: string): boolean {
  const leaves = state.record.leaving.includes(instance) && instance !== primaryOf(state.record.phase);
  return !leaves && tagsOf(state.record.spec, instance).reads && mayServe(state, instance);
}

/**
 * An instance that this control plane has not heard of keeps its place: after a restart of the control plane nothing
 * may vanish before the agents had time to connect. The health checks know better.
 */
function mayServe(state: ClusterState, instance: string): boolean {
  const { link, report } = observed(state, instance);
  if (link.kind === 'unseen') return state.record.placements[instance] !== undefined;
  if (link.kind === 'down') return false;
  if (!report) return true;
  const { postgres } = report;
  if (postgres.kind === 'primary') return true;
  if (postgres.kind !== 'standby') return false;
  // While there is no primary to stream from, what the standbys have is the newest there is.
  return postgres.streaming || state.record.phase.kind !== 'active' || state.record.phase.gate === 'closed';
}

function endpoint(
  record: ClusterRecord,
  instance: string,
  port: keyof InstancePorts,
  traits: { readonly draining?: boolean; readonly lastResort?: boolean; readonly weight?: number },
): EndpointIr | null {
  const placement = record.placements[instance];
  if (!placement) return null;
  const { host, zone, ports } = placement;
  const weight = traits.weight ?? FULL_WEIGHT;
  const plain = { instance, host, port: ports[port], healthPort: ports.health, zone, weight };
  const { draining, lastResort } = traits;
  if (!draining && !lastResort) return plain;
  return { ...plain, ...(draining ? { draining } : {}), ...(lastResort ? { lastResort } : {}) };
}

function compact(endpoints: readonly (EndpointIr | null)[]): EndpointIr[] {
  return endpoints.filter((endpoint) => endpoint !== null);
}
