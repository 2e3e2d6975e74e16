// The control plane's metrics: one registry, and its text for Prometheus.
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { ClusterStatus } from '../api/contract.ts';
import type { Clock } from '../runtime/clock.ts';
import { type ClusterMetrics, createClusterMetrics } from './cluster-metrics.ts';
import { createXdsMetrics, type ObservedProxy, type XdsMetrics } from './xds-metrics.ts';

/** What the numbers are read from at each scrape. */
export interface MetricsSource {
  proxies(): readonly ObservedProxy[];
  clusters(): readonly ClusterStatus[];
  /** This control plane decides. */
  leads(): boolean;
}

export class Metrics {
  readonly xds: XdsMetrics;
  readonly clusters: ClusterMetrics;
  readonly #registry = new Registry();
  readonly #changes: Counter;

  constructor(options: { readonly clock: Pick<Clock, 'now'>; readonly source: MetricsSource }) {
    const { clock, source } = options;
    this.xds = createXdsMetrics(this.#registry, () => source.proxies());
    this.clusters = createClusterMetrics(this.#registry, clock, () => source.clusters());
    const registers = [this.#registry];
    new Gauge({
      name: 'howdah_control_plane_leads',
      help: '1 while this control plane decides',
      registers,
      collect() {
        this.set(source.leads() ? 1 : 0);
      },
    });
    this.#changes = new Counter({
      name: 'howdah_control_plane_leadership_changes_total',
      help: 'How often this control plane began or ceased to lead',
      registers,
    });
    collectDefaultMetrics({ register: this.#registry });
  }

  /** This control plane began to lead, or ceased to. */
  onTerm(): void {
    this.#changes.inc();
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
