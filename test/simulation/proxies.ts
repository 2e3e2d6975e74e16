/** The Envoys of gateways and instances, and how late what the control plane has for them arrives. */
import type { ProxyIr } from '../../envoy-config/ir.ts';
import { EnvoyModel } from './envoy-model.ts';
import type { Kernel } from './kernel.ts';
import { type Network, Pipe } from './network.ts';

export interface ProxiesOptions {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly nodes: readonly string[];
  /** What the newest control plane has for a node; undefined = nothing yet, or there is none. */
  readonly published: (node: string) => ProxyIr | undefined;
  /** Bytes from the control plane reach the proxy, and it runs. */
  readonly reaches: (node: string) => boolean;
  readonly runs: (node: string) => boolean;
  readonly onApplied: () => void;
}

export class Proxies {
  readonly #options: ProxiesOptions;
  readonly #envoys: ReadonlyMap<string, EnvoyModel>;
  readonly #pipes = new Map<string, Pipe>();
  /** Nodes that something is on its way to: what arrives is the newest of then. */
  readonly #pending = new Set<string>();

  constructor(options: ProxiesOptions) {
    this.#options = options;
    this.#envoys = new Map(options.nodes.map((node) => [node, new EnvoyModel(node)]));
  }

  envoy(node: string): EnvoyModel {
    return this.#envoys.get(node)!;
  }

  push(node: string): void {
    if (this.#pending.has(node)) return;
    this.#pending.add(node);
    const { kernel, network, reaches } = this.#options;
    let pipe = this.#pipes.get(node);
    if (!pipe) {
      pipe = new Pipe(
        kernel,
        () => network.proxyDelay(),
        () => reaches(node),
      );
      this.#pipes.set(node, pipe);
    }
    pipe.send(() => {
      this.#pending.delete(node);
      const newest = this.#options.published(node);
      if (!newest || !this.#options.runs(node)) return;
      this.envoy(node).apply(newest);
      this.#options.onApplied();
    });
  }
}
