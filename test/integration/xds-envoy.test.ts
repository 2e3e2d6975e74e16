import { beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { findEnvoy } from '../../control-plane/runtime/binaries/index.ts';
import type { JsonObject } from '../../proto/json.ts';
import {
  buildSnapshot,
  CLUSTER_TYPE,
  ENDPOINT_TYPE,
  LISTENER_TYPE,
  type SnapshotInput,
  type TypeStatus,
  type Variant,
  type XdsServer,
} from '../../xds/index.ts';
import { type AdsEnvoy, startAdsEnvoy, startXds } from '../support/ads-envoy.ts';
import { openSession, startBackend, whoAnswers } from '../support/fake-backend.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { edsCluster, endpoints, tcpListener } from '../support/xds-resources.ts';

const NODE = 'gateway/test';
let envoyPath: string;

beforeAll(async () => {
  envoyPath = (await findEnvoy()).path;
});

/** Valid for us and refused by Envoy: it has no listener filter of that name. */
function badListener(name: string, port: number, to: string): JsonObject {
  return {
    ...tcpListener(name, port, to),
    listener_filters: [
      {
        name: 'no.such.filter',
        typed_config: { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: 'x' },
      },
    ],
  };
}

function resources(clusters: JsonObject[], assignments: JsonObject[], listeners: JsonObject[]): SnapshotInput {
  return { clusters, endpoints: assignments, listeners };
}

function statusOf(xds: XdsServer, type: string): TypeStatus | undefined {
  return xds.proxies()[0]?.types.find((status) => status.type === type);
}

/** Waits until the proxy answered everything. */
async function settled(xds: XdsServer): Promise<void> {
  await until(
    () =>
      [CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE].every((type) => {
        const status = statusOf(xds, type);
        return status?.acked && status.sent?.version === status.acked.version;
      }),
    { what: 'the proxy to have everything' },
  );
}

async function answers(port: number, backend: string): Promise<void> {
  await until(async () => (await whoAnswers(port)) === backend, { what: `${backend} behind port ${port}` });
}

function showLog(envoy: AdsEnvoy): void {
  onTestFailed(() => console.error(envoy.log().split('\n').slice(-40).join('\n')));
}

describe.each<Variant>(['sotw', 'delta'])('Envoy fed by the xDS server in %s', (variant) => {
  it('gets what there is, follows changes, and is told what it refused', async () => {
    await using one = await startBackend('one');
    await using two = await startBackend('two');
    const acks: string[] = [];
    await using control = await startXds({ onAck: (_node, event) => acks.push(event.type) });
    const { cache, xds } = control;
    const port = await freePort();
    const other = await freePort();
    await using envoy = startAdsEnvoy(envoyPath, NODE, control.port, variant);
    showLog(envoy);

    // The proxy waits for its first snapshot.
    await until(() => xds.proxies()[0]?.node === NODE, { what: 'the proxy to connect' });
    cache.set(
      NODE,
      buildSnapshot(
        resources([edsCluster('e1.rw')], [endpoints('e1.rw', one.port)], [tcpListener('rw', port, 'e1.rw')]),
      ),
    );
    await answers(port, 'one');
    await settled(xds);

    // The same content sends nothing.
    const before = acks.length;
    cache.set(
      NODE,
      buildSnapshot(
        resources([edsCluster('e1.rw')], [endpoints('e1.rw', one.port)], [tcpListener('rw', port, 'e1.rw')]),
      ),
    );
    await settled(xds);
    expect(acks.length).toBe(before);

    // Another cluster: the live session ends, and new ones are never without a cluster.
    using session = openSession(port);
    expect(await session.backend).toBe('one');
    const next = resources([edsCluster('e2.rw')], [endpoints('e2.rw', two.port)], [tcpListener('rw', port, 'e2.rw')]);
    cache.set(NODE, buildSnapshot(next));
    await session.closed;
    await answers(port, 'two');
    await settled(xds);
    expect(acks.slice(before)).toEqual([CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE, CLUSTER_TYPE]);

    // A bad listener is refused and shown; the good change beside it arrives, and the old listener goes on.
    cache.set(
      NODE,
      buildSnapshot({ ...next, listeners: [badListener('rw', port, 'e2.rw'), tcpListener('ro', other, 'e2.rw')] }),
    );
    await answers(other, 'two');
    await until(() => statusOf(xds, LISTENER_TYPE)?.nacked, { what: 'the refusal' });
    expect(statusOf(xds, LISTENER_TYPE)?.nacked).toMatchObject({
      error: expect.stringContaining('no.such.filter'),
      resources: ['rw'],
    });
    await answers(port, 'two');

    // The next good one is accepted.
    cache.set(
      NODE,
      buildSnapshot(
        resources(
          [edsCluster('e2.rw'), edsCluster('e3.rw')],
          [endpoints('e2.rw', two.port), endpoints('e3.rw', one.port)],
          [tcpListener('rw', port, 'e3.rw')],
        ),
      ),
    );
    await answers(port, 'one');
    await answers(other, 'refused');
    await settled(xds);
    expect(statusOf(xds, LISTENER_TYPE)?.nacked).toBeNull();
  });

  it('ends the warming of a cluster whose settings change while its endpoints do not', async () => {
    await using one = await startBackend('one');
    await using control = await startXds();
    const { cache, xds } = control;
    const port = await freePort();
    const all = (changes: JsonObject) =>
      buildSnapshot(resources([edsCluster('a', changes)], [endpoints('a', one.port)], [tcpListener('rw', port, 'a')]));
    cache.set(NODE, all({}));
    await using envoy = startAdsEnvoy(envoyPath, NODE, control.port, variant);
    showLog(envoy);
    await answers(port, 'one');
    cache.set(NODE, all({ connect_timeout: '2s' }));
    await settled(xds);
    await answers(port, 'one');
  });

  it('keeps its configuration over a restart of the server, which sends at most endpoints again', async () => {
    await using one = await startBackend('one');
    const port = await freePort();
    const snapshot = buildSnapshot(
      resources([edsCluster('a')], [endpoints('a', one.port)], [tcpListener('rw', port, 'a')]),
    );
    let first = await startXds();
    const controlPort = first.port;
    first.cache.set(NODE, snapshot);
    await using envoy = startAdsEnvoy(envoyPath, NODE, controlPort, variant);
    showLog(envoy);
    await answers(port, 'one');
    await settled(first.xds);
    using session = openSession(port);
    expect(await session.backend).toBe('one');
    await first[Symbol.asyncDispose]();
    await answers(port, 'one');
    const acks: string[] = [];
    first = await startXds({ onAck: (_node, event) => acks.push(event.type) }, controlPort);
    await using second = first;
    second.cache.set(NODE, snapshot);
    await settled(second.xds);
    // In delta the proxy tells what it has of each resource.
    expect(acks).toEqual(variant === 'sotw' ? [ENDPOINT_TYPE] : []);
    await session.echo('still here');
  });

  it('starts with nothing when there is nothing', async () => {
    await using control = await startXds();
    control.cache.set(NODE, buildSnapshot(resources([], [], [])));
    await using envoy = startAdsEnvoy(envoyPath, NODE, control.port, variant);
    showLog(envoy);
    await until(() => envoy.log().includes('starting workers'), { what: 'Envoy to start', timeoutMs: 10_000 });
  });
});
