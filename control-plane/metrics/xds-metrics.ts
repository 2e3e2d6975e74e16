// What the xDS server does, in numbers. docs/metrics.md explains each.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ProxyState, Push, XdsHooks } from '../../xds/index.ts';
import { shortName } from '../routing/type-names.ts';

const LATENCY_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What is looked at of a stream. */
export type ObservedProxy = Pick<ProxyState, 'node' | 'types'>;

export interface XdsMetrics {
  readonly hooks: {
    onNode(): void;
    onInvalid(): void;
    onClosed(): void;
    onPush(node: string, push: Pick<Push, 'type' | 'resources'>): void;
  } & Required<Pick<XdsHooks, 'onRequest' | 'onAck' | 'onNack'>>;
  /** A proxy's configuration was made and published. */
  published(): void;
  /** It could not be made: the proxy keeps the one before. */
  snapshotRefused(): void;
}

/** @param proxies read at each scrape */
export function createXdsMetrics(register: Registry, proxies: () => readonly ObservedProxy[]): XdsMetrics {
  const registers = [register];
  const labelNames = ['type'] as const;
  const count = (name: string, help: string) => new Counter({ name: `howdah_xds_${name}`, help, registers });
  const countByType = (name: string, help: string) =>
    new Counter({ name: `howdah_xds_${name}`, help, registers, labelNames });
  const latency = (name: string, help: string) =>
    new Histogram({ name: `howdah_xds_${name}`, help, registers, labelNames, buckets: LATENCY_BUCKETS_SECONDS });

  const opened = count('streams_opened_total', 'Streams whose proxy told who it is');
  const closed = count('streams_closed_total', 'Streams that ended');
  const refused = count('streams_refused_total', 'Streams that were ended because the proxy broke the protocol');
  const publishes = count('publishes_total', 'Configurations of a proxy that were published');
  const snapshotsRefused = count('snapshots_refused_total', 'Configurations of a proxy that could not be published');
  const requests = countByType('requests_total', 'Discovery requests');
  const pushes = countByType('pushes_total', 'Discovery responses');
  const bytes = countByType('pushed_bytes_total', 'Bytes of the resources in discovery responses');
  const resources = countByType('pushed_resources_total', 'Resources in discovery responses');
  const nacks = countByType('nacks_total', 'Responses that a proxy refused');
  const publishToAck = latency('publish_to_ack_seconds', 'From the publication of a change to its acknowledgement');
  const pushToAck = latency('push_to_ack_seconds', 'From the sending of a response to its acknowledgement');

  const gauge = (name: string, help: string, value: (all: readonly ObservedProxy[]) => number) =>
    new Gauge({
      name: `howdah_xds_${name}`,
      help,
      registers,
      collect() {
        this.set(value(proxies()));
      },
    });
  const types = (all: readonly ObservedProxy[]) => all.flatMap((proxy) => proxy.types);
  gauge('connected_proxies', 'Proxies with a stream', (all) => new Set(all.map(({ node }) => node)).size);
  gauge(
    'unacknowledged_pushes',
    'Responses that wait for an answer',
    (all) => types(all).filter((t) => t.pending).length,
  );
  gauge(
    'queue_depth',
    'Types of proxies with newer content waiting for an answer',
    (all) => types(all).filter((t) => t.behind).length,
  );
  gauge(
    'refusing_proxies',
    'Proxies that hold something back because they refused it',
    (all) => new Set(all.filter((proxy) => proxy.types.some((t) => t.nacked)).map(({ node }) => node)).size,
  );

  return {
    hooks: {
      onNode: () => opened.inc(),
      onRequest: (_node, type) => requests.inc({ type: shortName(type) }),
      onPush(_node, push) {
        const type = shortName(push.type);
        pushes.inc({ type });
        resources.inc({ type }, push.resources.length);
        let size = 0;
        for (const resource of push.resources) size += resource.bytes.length;
        bytes.inc({ type }, size);
      },
      onAck(_node, { type, tookMs, publishedMs }) {
        pushToAck.observe({ type: shortName(type) }, tookMs / 1000);
        if (publishedMs !== null) publishToAck.observe({ type: shortName(type) }, publishedMs / 1000);
      },
      onNack: (_node, { type }) => nacks.inc({ type: shortName(type) }),
      onInvalid: () => refused.inc(),
      onClosed: () => closed.inc(),
    },
    published: () => publishes.inc(),
    snapshotRefused: () => snapshotsRefused.inc(),
  };
}
