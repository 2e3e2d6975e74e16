/** Chooses every address of a run: the ones kept from the last run where they are free, others where they are not. */
import type { FileProblem } from '../../control-plane/api/document/index.ts';
import { type ClusterSpec, instanceNames } from '../../control-plane/model/cluster-spec.ts';
import type { ClusterPlacement, InstancePlacement, LocalPlacements } from './placements.ts';
import { LOOPBACK, type PortAllocator } from './ports.ts';
import type { StoreChoice } from './store-choice.ts';

export const ROUTE_NAMES = ['rw', 'ro', 'any'] as const;
export type RouteName = (typeof ROUTE_NAMES)[number];

/** One cluster of this run, as the user gave it. */
export interface GivenCluster {
  readonly spec: ClusterSpec;
  readonly file: string;
  /** 1-based line of a path such as `spec.routes.rw.port`, or of what is nearest around it. */
  line(path: string): number;
}

export interface PlaceTools {
  readonly allocator: PortAllocator;
  /** The directory of an instance's unix socket. */
  socketDirectory(cluster: string, instance: string): string;
}

/** The placements and every port of the user's that can't be had. */
export async function place(
  given: readonly GivenCluster[],
  kept: LocalPlacements | undefined,
  tools: PlaceTools,
  { controlPlanes, store }: { readonly controlPlanes: number; readonly store: StoreChoice['kind'] },
): Promise<{ placements: LocalPlacements; problems: FileProblem[] }> {
  // The user's own ports first: what is chosen must not take them away.
  const problems = await takeGivenPorts(given, tools.allocator);
  const controlPlane = {
    api: await tools.allocator.takeOr(kept?.controlPlane.api),
    xds: await tools.allocator.takeOr(kept?.controlPlane.xds),
  };
  const moreControlPlanes: LocalPlacements['moreControlPlanes'] = [];
  for (let index = 0; index < controlPlanes - 1; index += 1) {
    const before = kept?.moreControlPlanes[index];
    moreControlPlanes.push({
      api: await tools.allocator.takeOr(before?.api),
      xds: await tools.allocator.takeOr(before?.xds),
    });
  }
  const etcd =
    store === 'own-etcd'
      ? {
          client: await tools.allocator.takeOr(kept?.etcd?.client),
          peer: await tools.allocator.takeOr(kept?.etcd?.peer),
        }
      : undefined;
  const clusters: Record<string, ClusterPlacement> = {};
  for (const cluster of given) {
    clusters[cluster.spec.name] = await placeCluster(cluster, kept?.clusters[cluster.spec.name], tools);
  }
  const own = { version: 1, controlPlane, moreControlPlanes, store, clusters } as const;
  return { placements: etcd ? { ...own, etcd } : own, problems };
}

/** The spec with the gateway's ports in place of zeros: the form that the control plane stores. */
export function withPorts(spec: ClusterSpec, placement: ClusterPlacement): ClusterSpec {
  return {
    ...spec,
    routes: {
      rw: { ...spec.routes.rw, port: placement.routes.rw },
      ro: { ...spec.routes.ro, port: placement.routes.ro },
      any: { ...spec.routes.any, port: placement.routes.any },
    },
  };
}

async function takeGivenPorts(given: readonly GivenCluster[], allocator: PortAllocator): Promise<FileProblem[]> {
  const problems: FileProblem[] = [];
  const owners = new Map<number, string>();
  for (const { spec, file, line } of given) {
    for (const route of ROUTE_NAMES) {
      const port = spec.routes[route].port;
      if (port === 0) continue;
      const path = `spec.routes.${route}.port`;
      const owner = owners.get(port);
      owners.set(port, owner ?? `${route} of cluster ${spec.name}`);
      if (owner === undefined && (await allocator.take(port))) continue;
      allocator.reserve(port);
      const taken = owner === undefined ? 'taken by another program' : `already given to ${owner}`;
      const message = `port ${port} is ${taken}: choose another one, or 0 to have a free one chosen`;
      problems.push({ path, message, file, line: line(path) });
    }
  }
  return problems;
}

async function placeCluster(
  { spec, file }: GivenCluster,
  kept: ClusterPlacement | undefined,
  tools: PlaceTools,
): Promise<ClusterPlacement> {
  const route = async (name: RouteName): Promise<number> =>
    spec.routes[name].port === 0 ? tools.allocator.takeOr(kept?.routes[name]) : spec.routes[name].port;
  const routes = { rw: await route('rw'), ro: await route('ro'), any: await route('any') };
  const instances: Record<string, InstancePlacement> = {};
  for (const name of instanceNames(spec)) {
    instances[name] = await placeInstance(spec.name, name, kept?.instances[name], tools);
  }
  return { file, routes, instances };
}

/** The address of one instance: the kept ports where they are free. */
export async function placeInstance(
  cluster: string,
  name: string,
  kept: InstancePlacement | undefined,
  { allocator, socketDirectory }: PlaceTools,
): Promise<InstancePlacement> {
  const ports = {
    rw: await allocator.takeOr(kept?.ports.rw),
    ro: await allocator.takeOr(kept?.ports.ro),
    any: await allocator.takeOr(kept?.ports.any),
    mesh: await allocator.takeOr(kept?.ports.mesh),
    meshRw: await allocator.takeOr(kept?.ports.meshRw),
    replication: await allocator.takeOr(kept?.ports.replication),
    health: await allocator.takeOr(kept?.ports.health),
  };
  return { host: LOOPBACK, zone: '', ports, socketDir: socketDirectory(cluster, name) };
}
