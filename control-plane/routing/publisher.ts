/**
 * Keeps every proxy's configuration in step with the clusters: what did not change is not translated again. A
 * configuration that can't be published leaves its proxy with the last good one.
 */
import type { ProxyIr } from '../../envoy-config/ir.ts';
import type { ClusterState } from '../manager/state.ts';
import { type ClusterRecord, memberNames } from '../model/cluster-record.ts';
import { sameValue } from '../model/same-value.ts';
import { type ClusterRoutes, clusterRoutes, gatewayRoutes, instanceNode, instanceProxy, servingText } from './mesh.ts';

export interface PublisherOptions<Made> {
  /** What a proxy is to get. Throws when it would be wrong: then the proxy keeps what it has. */
  readonly make: (ir: ProxyIr) => Made;
  /** Several proxies can get the same. */
  readonly publish: (node: string, made: Made) => void;
  readonly onInvalid: (node: string, error: unknown) => void;
  /** Runs `action` once what was published has been sent. */
  readonly later: (action: () => void) => void;
}

export class Publisher<Made> {
  readonly #options: PublisherOptions<Made>;
  readonly #clusters = new Map<string, ClusterState>();
  /** What each cluster's routes follow beside its record, as of the last translation. */
  readonly #serving = new Map<string, string>();
  readonly #gateways = new Set<string>();
  /** What each cluster adds to the routes of every gateway. */
  readonly #gatewayRoutes = new Map<string, ProxyIr['routes']>();
  /** The routes of each cluster, newest. */
  readonly #translated = new Map<string, ClusterRoutes>();
  /** The last IR of each node as it was asked for, and what was added to it since because the proxy refused it. */
  readonly #wanted = new Map<string, ProxyIr>();
  readonly #attempts = new Map<string, Record<string, number>>();
  /** The last IR of each node: equal IR, equal resources. */
  readonly #offered = new Map<string, ProxyIr>();
  /** What was made last: gateways come one after the other, and to make it takes far longer than to send it. */
  #last: { readonly ir: ProxyIr; readonly made: Made } | null = null;
  /** Why the last IR of a node could not be published, for those where it could not. */
  readonly #invalid = new Map<string, string>();

  constructor(options: PublisherOptions<Made>) {
    this.#options = options;
  }

  /** Proxies that go on with an older configuration, because the newest can't be published; in words why. */
  get invalid(): { readonly id: string; readonly reason: string }[] {
    return Array.from(this.#invalid, ([id, reason]) => ({ id, reason }));
  }

  onState(state: ClusterState): void {
    const { name } = state.record.spec;
    const before = this.#clusters.get(name);
    this.#clusters.set(name, state);
    // A gateway's routes are those of all clusters: nothing of it is made again for a report that changes no route.
    const serving = servingText(state);
    if (before && sameRouting(before.record, state.record) && this.#serving.get(name) === serving) return;
    this.#serving.set(name, serving);
    const routes = clusterRoutes(state);
    const atGateways = gatewayRoutes(state, routes);
    // The way of the applications first: they wait.
    if (!sameValue(this.#gatewayRoutes.get(name), atGateways)) {
      this.#gatewayRoutes.set(name, atGateways);
      this.#offerGateways(this.#gateways);
    }
    this.#translated.set(name, routes);
    this.#options.later(() => this.#offerInstances(state, routes));
  }

  #offerInstances(state: ClusterState, routes: ClusterRoutes): void {
    // A later state has its own turn.
    if (this.#translated.get(state.record.spec.name) !== routes) return;
    for (const instance of memberNames(state.record)) {
      const ir = instanceProxy(state, instance, routes);
      if (ir) this.#offer(ir);
    }
  }

  /** A proxy connected; gateways are known only from that. */
  onNode(node: string): void {
    if (!node.startsWith('gateway/') || this.#gateways.has(node)) return;
    this.#gateways.add(node);
    this.#offerGateways([node]);
  }

  /** Offers listeners anew that the proxy refused for its surroundings: as another version, with the same effect. */
  offerAnew(node: string, listeners: readonly string[]): void {
    const ir = this.#wanted.get(node);
    if (!ir) return;
    const attempts = { ...this.#attempts.get(node) };
    for (const name of listeners) attempts[name] = (attempts[name] ?? 0) + 1;
    this.#attempts.set(node, attempts);
    this.#offer(ir);
  }

  /** Proxies that belong to an instance of a cluster, whether they connected or not. */
  instanceNodes(): string[] {
    return [...this.#clusters.values()].flatMap(({ record }) =>
      memberNames(record).map((instance) => instanceNode(record.spec.name, instance)),
    );
  }

  /** All gateways have the same routes: there can be hundreds. */
  #offerGateways(nodes: Iterable<string>): void {
    // A store that knows no cluster may have been lost: what a gateway has must not be taken from it.
    if (this.#clusters.size === 0) return;
    const routes = [...this.#gatewayRoutes.values()].flat();
    for (const node of nodes) this.#offer({ node, zone: '', routes, local: null });
  }

  #offer(wanted: ProxyIr): void {
    this.#wanted.set(wanted.node, wanted);
    const attempts = this.#attempts.get(wanted.node);
    const ir = attempts ? { ...wanted, attempts } : wanted;
    if (sameValue(this.#offered.get(ir.node), ir)) return;
    this.#offered.set(ir.node, ir);
    try {
      this.#options.publish(ir.node, this.#made(ir));
      this.#invalid.delete(ir.node);
    } catch (error) {
      this.#invalid.set(ir.node, error instanceof Error ? error.message : String(error));
      this.#options.onInvalid(ir.node, error);
    }
  }

  /** Nothing of it has the node's name. What belongs to an instance is like no other's. */
  #made(ir: ProxyIr): Made {
    if (ir.local !== null) return this.#options.make(ir);
    if (!this.#last || !sameValue({ ...this.#last.ir, node: ir.node }, ir)) {
      this.#last = { ir, made: this.#options.make(ir) };
    }
    return this.#last.made;
  }
}

/** Nothing differs that a route follows. */
function sameRouting(a: ClusterRecord, b: ClusterRecord): boolean {
  return (
    a.spec === b.spec &&
    a.epoch === b.epoch &&
    a.phase === b.phase &&
    a.placements === b.placements &&
    a.leaving === b.leaving
  );
}
