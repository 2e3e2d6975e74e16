/** Keeps every proxy's configuration in step with the clusters: what did not change is not translated again. */
import type { ProxyIr } from '../../envoy-config/ir.ts';
import type { ClusterState } from '../manager/state.ts';
import { instanceNames } from '../model/cluster-spec.ts';
import { gatewayProxy, instanceNode, instanceProxy } from './mesh.ts';

export class Publisher {
  readonly #publish: (ir: ProxyIr) => void;
  readonly #clusters = new Map<string, ClusterState>();
  readonly #gateways = new Set<string>();
  /** The last IR of each node as text: equal text, equal resources. */
  readonly #published = new Map<string, string>();

  constructor(publish: (ir: ProxyIr) => void) {
    this.#publish = publish;
  }

  onState(state: ClusterState): void {
    this.#clusters.set(state.record.spec.name, state);
    // The way of the applications first: they wait.
    for (const node of this.#gateways) this.#offer(gatewayProxy([...this.#clusters.values()], node));
    for (const instance of instanceNames(state.record.spec)) {
      const ir = instanceProxy(state, instance);
      if (ir) this.#offer(ir);
    }
  }

  /** A proxy connected; gateways are known only from that. */
  onNode(node: string): void {
    if (!node.startsWith('gateway/') || this.#gateways.has(node)) return;
    this.#gateways.add(node);
    this.#offer(gatewayProxy([...this.#clusters.values()], node));
  }

  /** Proxies that belong to an instance of a cluster, whether they connected or not. */
  instanceNodes(): string[] {
    return [...this.#clusters.values()].flatMap(({ record: { spec } }) =>
      instanceNames(spec).map((instance) => instanceNode(spec.name, instance)),
    );
  }

  #offer(ir: ProxyIr): void {
    const text = JSON.stringify(ir);
    if (this.#published.get(ir.node) === text) return;
    this.#published.set(ir.node, text);
    this.#publish(ir);
  }
}
