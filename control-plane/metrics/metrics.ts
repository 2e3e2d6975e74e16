// The control plane's metrics: one registry, and its text for Prometheus.
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { ClusterStatus } from '../api/contract.ts';
import type { Clock } from '../runtime/clock.ts';
import { type ClusterMetrics, createClusterMetrics } from './cluster-metrics.ts';
import { createXdsMetrics, type ObservedProxy, type XdsMetrics } from './xds-metrics.ts';

/** What the numbers are read from at each scrape. */
export interface MetricsSource {
  proxies(): readonly ObservedProxy[];
  clusters(): readonly ClusterStatus[];
}

export class Metrics {
  readonly xds: XdsMetrics;
  readonly clusters: ClusterMetrics;
  readonly #registry = new Registry();

  constructor(options: { readonly clock: Pick<Clock, 'now'>; readonly source: MetricsSource }) {
    const { clock, source } = options;
    this.xds = createXdsMetrics(this.#registry, () => source.proxies());
    this.clusters = createClusterMetrics(this.#registry, clock, () => source.clusters());
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats/ */
  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Names and types of all, for the test that holds docs/metrics.md. */
  async described(): Promise<{ name: string; type: string }[]> {
    const all = await this.#registry.getMetricsAsJSON();
    return all.map(({ name, type }) => ({ name, type: String(type) }));
  }
}
