import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildRecord } from '../../test/support/build-record.ts';
import { buildView } from '../../test/support/build-view.ts';
import { tcpListener } from '../../test/support/xds-resources.ts';
import { buildSnapshot, LISTENER_TYPE, type TypeStatus } from '../../xds/index.ts';
import { clusterStatus } from '../api/cluster-status.ts';
import { initialState } from '../manager/state.ts';
import { Metrics } from './metrics.ts';
import type { ObservedProxy } from './xds-metrics.ts';

const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');

function fixture(proxies: ObservedProxy[] = []) {
  let now = 0;
  const source = { proxies: () => proxies, clusters: () => [clusterStatus(buildView())], leads: () => true };
  const metrics = new Metrics({ clock: { now: () => now }, source });
  return { metrics, at: (ms: number) => (now = ms) };
}

/** The lines that tell values, of metrics that begin so. */
async function values(metrics: Metrics, prefix: string): Promise<string[]> {
  return (await metrics.text()).split('\n').filter((line) => line.startsWith(prefix));
}

const listeners: TypeStatus = {
  type: LISTENER_TYPE,
  requestedAt: 0,
  pending: true,
  behind: true,
  sent: null,
  acked: null,
  nacked: { version: 'v', error: 'no', resources: [], at: 0 },
};

describe('docs/metrics.md', () => {
  it('has each metric with its type, and no other', async () => {
    const { metrics } = fixture();
    const told = [...page.matchAll(/^\| `([a-z0-9_]+)` \| (\w+) \|/gm)].map((match) => `${match[1]} ${match[2]}`);
    const there = (await metrics.described()).map(({ name, type }) => `${name} ${type}`);
    expect(told.sort()).toEqual(there.sort());
  });

  it('has each label', async () => {
    const { metrics } = fixture();
    for (const label of ['type', 'cluster', 'cause', 'instance', 'role', 'phase'])
      expect(page).toContain(`\`${label}\``);
    expect(await metrics.text()).toContain('howdah_clusters{phase="active"} 1');
  });
});

describe('metrics of the xDS server', () => {
  it('count what is pushed, answered and refused', async () => {
    const { metrics } = fixture();
    const { hooks } = metrics.xds;
    const listeners = [tcpListener('a', 7001, 'to'), tcpListener('b', 7002, 'to')];
    const set = buildSnapshot({ clusters: [], endpoints: [], listeners }, ['to']);
    const resources = [...set.sets[LISTENER_TYPE].resources.values()];
    hooks.onPush('n', { type: LISTENER_TYPE, resources });
    hooks.onAck('n', { kind: 'ack', type: LISTENER_TYPE, version: 'v', tookMs: 2, publishedMs: 30 });
    hooks.onAck('n', { kind: 'ack', type: LISTENER_TYPE, version: 'v', tookMs: 2, publishedMs: null });
    expect(await values(metrics, 'howdah_xds_push')).toEqual(
      expect.arrayContaining([
        'howdah_xds_pushes_total{type="LDS"} 1',
        'howdah_xds_pushed_resources_total{type="LDS"} 2',
      ]),
    );
    const size = resources.reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(await values(metrics, 'howdah_xds_pushed_bytes')).toEqual([
      `howdah_xds_pushed_bytes_total{type="LDS"} ${size}`,
    ]);
    expect(await values(metrics, 'howdah_xds_publish_to_ack_seconds_')).toEqual(
      expect.arrayContaining([
        'howdah_xds_publish_to_ack_seconds_sum{type="LDS"} 0.03',
        'howdah_xds_publish_to_ack_seconds_count{type="LDS"} 1',
      ]),
    );
    expect(await values(metrics, 'howdah_xds_push_to_ack_seconds_count')).toEqual([
      'howdah_xds_push_to_ack_seconds_count{type="LDS"} 2',
    ]);
  });

  it('are read of the proxies when asked for', async () => {
    const proxy = { types: [listeners] };
    const { metrics } = fixture([
      { ...proxy, node: 'a' },
      { ...proxy, node: 'a' },
      { ...proxy, node: 'b', types: [] },
    ]);
    expect(await values(metrics, 'howdah_xds_connected')).toEqual(['howdah_xds_connected_proxies 2']);
    expect(await values(metrics, 'howdah_xds_queue')).toEqual(['howdah_xds_queue_depth 2']);
    expect(await values(metrics, 'howdah_xds_refusing')).toEqual(['howdah_xds_refusing_proxies 1']);
  });
});

describe('metrics of the clusters', () => {
  it('tell roles and lag', async () => {
    const { metrics } = fixture();
    expect(await values(metrics, 'howdah_instances{')).toEqual([
      'howdah_instances{cluster="orders",role="primary"} 1',
      'howdah_instances{cluster="orders",role="standby"} 2',
      'howdah_instances{cluster="orders",role="none"} 0',
    ]);
    expect(await values(metrics, 'howdah_replication_lag_bytes{')).toHaveLength(2);
    expect(await values(metrics, 'howdah_agents_connected{')).toEqual(['howdah_agents_connected{cluster="orders"} 3']);
  });

  it('time a failover', async () => {
    const { metrics, at } = fixture();
    const step = (epoch: number, phase: Parameters<typeof buildRecord>[0] & object) =>
      metrics.clusters.onState(initialState(buildRecord({ epoch, ...phase }), 0));
    step(1, { phase: { kind: 'active', primary: 'orders-1', gate: 'open' } });
    at(1000);
    step(2, { phase: { kind: 'fencing', cause: 'failover', from: 'orders-1', authority: 'orders-1', prefer: '' } });
    at(1150);
    step(2, { phase: { kind: 'active', primary: 'orders-2', gate: 'open' } });
    expect(await values(metrics, 'howdah_failovers_total')).toEqual([
      'howdah_failovers_total{cluster="orders",cause="failover"} 1',
    ]);
    expect(await values(metrics, 'howdah_failover_duration_seconds_sum')).toEqual([
      'howdah_failover_duration_seconds_sum{cause="failover"} 0.15',
    ]);
  });
});
