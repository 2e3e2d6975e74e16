/**
 * What a real Envoy does with the resources of a failover: the sessions on the old primary end, all others live.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findEnvoy } from '../../control-plane/runtime/binaries/index.ts';
import type { EndpointIr, LocalInstanceIr, ProxyIr, RouteIr } from '../../envoy-config/ir.ts';
import { startEnvoy } from '../support/envoy-proxy.ts';
import { type FakeBackend, openSession, type Session, startBackend, whoAnswers } from '../support/fake-backend.ts';
import { freePort, freePorts } from '../support/free-port.ts';
import { expectNoProcess } from '../support/processes.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

let envoyPath: string;
const pids: number[] = [];

beforeAll(async () => {
  envoyPath = (await findEnvoy()).path;
});

afterAll(() => expectNoProcess(pids));

async function envoy(ir: ProxyIr) {
  const proxy = await startEnvoy(envoyPath, ir);
  pids.push(proxy.pid);
  return proxy;
}

function endpoint(backend: FakeBackend, more: Partial<EndpointIr> = {}): EndpointIr {
  const { name: instance, port, healthPort } = backend;
  return { instance, host: '127.0.0.1', port, healthPort, zone: '', weight: 1, ...more };
}

function route(kind: RouteIr['kind'], port: number, epoch: number, endpoints: readonly EndpointIr[]): RouteIr {
  return { cluster: 'orders', kind, bind: { host: '127.0.0.1', port }, epoch, endpoints, maxLagBytes: 0 };
}

function gateway(routes: readonly RouteIr[]): ProxyIr {
  return { node: 'gateway/main', zone: '', routes, local: null };
}

function pod(local: LocalInstanceIr): ProxyIr {
  return { node: 'instance/orders/orders-1', zone: '', routes: [], local };
}

/**
 * A redirection takes some 10 ms here. Far more is not a slow machine but somebody who waits for a timeout: Envoy merges
 * changes of health for 1 s by default, and a cluster whose endpoints never come is used after 2 s.
 */
const LIMIT_MS = 900;

/** Waits for the end of a session and tells how long it took. */
async function endOf(session: Session, since: number, what: string, timeoutMs = LIMIT_MS): Promise<void> {
  let closedAt = 0;
  void session.closed.then((at) => {
    closedAt = at;
  });
  await until(() => closedAt, { what: `the end of ${what}`, timeoutMs, intervalMs: 1 });
  report(`${what} ended`, since, closedAt);
}

async function answeredBy(port: number, name: string, since: number, what: string): Promise<void> {
  await until(async () => (await whoAnswers(port)) === name, { what, timeoutMs: LIMIT_MS, intervalMs: 1 });
  report(what, since, performance.now());
}

function report(what: string, since: number, at: number): void {
  console.info(`${what} after ${(at - since).toFixed(1)} ms`);
}

describe('a failover at the gateway', () => {
  it.each([
    ['prepared', { nextEpoch: 43 }],
    ['unexpected', {}],
  ])('ends the sessions on rw alone, closes new ones at once, and opens at the new primary: %s', async (_, next43) => {
    await using old = await startBackend('orders-1');
    await using next = await startBackend('orders-2');
    const [rw, ro] = (await freePorts(2)) as [number, number];
    const reads = route('ro', ro, 0, [endpoint(next)]);
    await using proxy = await envoy(gateway([{ ...route('rw', rw, 42, [endpoint(old)]), ...next43 }, reads]));
    using writer = openSession(rw);
    using reader = openSession(ro);
    expect(await writer.backend).toBe('orders-1');
    expect(await reader.backend).toBe('orders-2');

    const begun = performance.now();
    proxy.apply(gateway([route('rw', rw, 43, []), reads]));
    await endOf(writer, begun, 'the idle session on the old primary');
    for (let attempt = 0; attempt < 5; attempt++) expect(await whoAnswers(rw)).toBe('');
    await reader.echo('still here');

    const opened = performance.now();
    proxy.apply(gateway([route('rw', rw, 43, [endpoint(next)]), reads]));
    await answeredBy(rw, 'orders-2', opened, 'the first session on the new primary');
    await reader.echo('and still');
    expect(await proxy.admin('/clusters')).not.toContain('e42.');
  });

  it('leaves sessions of an epoch where they are when only the endpoint changes', async () => {
    await using old = await startBackend('orders-1');
    await using next = await startBackend('orders-2');
    const rw = await freePort();
    await using proxy = await envoy(gateway([route('rw', rw, 42, [endpoint(old)])]));
    using writer = openSession(rw);
    expect(await writer.backend).toBe('orders-1');

    proxy.apply(gateway([route('rw', rw, 42, [endpoint(next)])]));
    await answeredBy(rw, 'orders-2', performance.now(), 'the first session on the other endpoint');
    await writer.echo('not fenced');
  });
});

describe('a failover at the old primary', () => {
  it('ends the sessions on its port for writes alone, and opens again for another epoch', async () => {
    using directory = tempDir();
    const [meshPort, meshRwPort] = (await freePorts(2)) as [number, number];
    const socketPath = `${directory.path}/.s.PGSQL.5432`;
    await using _postgres = await startBackend('orders-1', socketPath);
    const host = '127.0.0.1';
    const at = (writableEpoch: number) =>
      pod({ cluster: 'orders', instance: 'orders-1', host, meshPort, meshRwPort, socketPath, writableEpoch });
    await using proxy = await envoy(at(42));
    using writer = openSession(meshRwPort);
    using standby = openSession(meshPort);
    expect(await writer.backend).toBe('orders-1');
    expect(await standby.backend).toBe('orders-1');

    const removed = performance.now();
    proxy.apply(at(0));
    await endOf(writer, removed, 'the session on the port for writes');
    await answeredBy(meshRwPort, 'refused', removed, 'the port for writes refused');
    await standby.echo('still here');

    const added = performance.now();
    proxy.apply(at(44));
    await answeredBy(meshRwPort, 'orders-1', added, 'the port for writes opened');

    using again = openSession(meshRwPort);
    expect(await again.backend).toBe('orders-1');
    const changed = performance.now();
    proxy.apply(at(45));
    await endOf(again, changed, 'the session of the epoch before, on the same instance');
    await answeredBy(meshRwPort, 'orders-1', changed, 'the port for writes of the next epoch opened');
    await standby.echo('and still');
  });
});

describe('a proxy that was never told', () => {
  it("can't write to the old primary once that has closed its port for writes", async () => {
    using directory = tempDir();
    const [rw, meshPort, meshRwPort] = (await freePorts(3)) as [number, number, number];
    const socketPath = `${directory.path}/.s.PGSQL.5432`;
    await using postgres = await startBackend('orders-1', socketPath);
    const host = '127.0.0.1';
    const at = (writableEpoch: number) =>
      pod({ cluster: 'orders', instance: 'orders-1', host, meshPort, meshRwPort, socketPath, writableEpoch });
    await using primary = await envoy(at(42));
    // Its health check goes on to say yes: the port is the fence, not the check.
    await using _stale = await envoy(gateway([route('rw', rw, 42, [endpoint(postgres, { port: meshRwPort })])]));
    using writer = openSession(rw);
    expect(await writer.backend).toBe('orders-1');

    const removed = performance.now();
    primary.apply(at(0));
    await endOf(writer, removed, 'the session through both proxies');
    await answeredBy(rw, '', removed, 'new sessions through both proxies closed');
  });
});

describe('a control plane that is away', () => {
  it('is not missed, and found again within moments', async () => {
    await using old = await startBackend('orders-1');
    await using next = await startBackend('orders-2');
    const rw = await freePort();
    await using proxy = await envoy(gateway([route('rw', rw, 42, [endpoint(old)])]));
    using writer = openSession(rw);
    expect(await writer.backend).toBe('orders-1');

    proxy.stopControlPlane();
    await until(async () => (await proxy.admin('/stats?filter=control_plane.connected_state')).includes(': 0'), {
      what: 'Envoy to notice',
    });
    await writer.echo('still here');
    expect(await whoAnswers(rw)).toBe('orders-1');

    await proxy.startControlPlane();
    await writer.echo('not disturbed');
    const back = performance.now();
    proxy.apply(gateway([route('rw', rw, 43, [endpoint(next)])]));
    await endOf(writer, back, 'the session on the old primary, the control plane being back,', 2000);
    await answeredBy(rw, 'orders-2', back, 'the first session on the new primary');
  });
});

describe('a port that is taken', () => {
  it('is not shared with another Envoy, and the other listeners open', async () => {
    await using backend = await startBackend('orders-1');
    const [rw, ro] = (await freePorts(2)) as [number, number];
    const both = [route('ro', ro, 0, [endpoint(backend)]), route('rw', rw, 42, [endpoint(backend)])];
    await using _first = await envoy(gateway(both.slice(1)));
    await using second = await envoy(gateway(both));
    await answeredBy(ro, 'orders-1', performance.now(), 'the other listener');
    expect(JSON.parse(await second.admin('/listeners?format=json'))).toMatchObject({
      listener_statuses: [{ name: 'ro.orders' }],
    });
    expect(second.refusal()).toContain(`cannot bind '127.0.0.1:${rw}': Address already in use`);
  });
});

describe('health checks', () => {
  it('end the session on an instance whose agent went silent', async () => {
    await using old = await startBackend('orders-1');
    const rw = await freePort();
    await using _proxy = await envoy(gateway([route('rw', rw, 42, [endpoint(old)])]));
    using writer = openSession(rw);
    expect(await writer.backend).toBe('orders-1');

    const turned = performance.now();
    old.health = () => 'silent';
    await endOf(writer, turned, 'the session on a silent instance', 2500);
  });

  it('end the sessions on an instance that drained and then went silent, and keep them until then', async () => {
    await using leaving = await startBackend('orders-1');
    await using other = await startBackend('orders-2');
    const ro = await freePort();
    const reads = (draining: boolean) =>
      gateway([route('ro', ro, 0, [endpoint(leaving, { draining }), ...(draining ? [endpoint(other)] : [])])]);
    await using proxy = await envoy(reads(false));
    using reader = openSession(ro);
    expect(await reader.backend).toBe('orders-1');

    proxy.apply(reads(true));
    await answeredBy(ro, 'orders-2', performance.now(), 'the first session beside a draining instance');
    for (let session = 0; session < 10; session++) expect(await whoAnswers(ro)).toBe('orders-2');
    await reader.echo('still here');

    const turned = performance.now();
    leaving.health = () => 'silent';
    await endOf(reader, turned, 'the session on a draining instance that went silent', 2500);
  });

  it('hold nobody up: a silent instance at the start keeps no other route closed', async () => {
    await using silent = await startBackend('orders-1');
    await using primary = await startBackend('orders-2');
    silent.health = () => 'silent';
    const [rw, ro] = (await freePorts(2)) as [number, number];
    const started = performance.now();
    await using _proxy = await envoy(
      gateway([route('rw', rw, 42, [endpoint(primary)]), route('ro', ro, 0, [endpoint(silent)])]),
    );
    await answeredBy(rw, 'orders-2', started, 'the first session beside a silent instance');
    expect(await whoAnswers(ro)).toBe('');
  });

  it('end the session on an instance that says it is no primary', async () => {
    await using old = await startBackend('orders-1');
    const rw = await freePort();
    await using _proxy = await envoy(gateway([route('rw', rw, 42, [endpoint(old)])]));
    using writer = openSession(rw);
    expect(await writer.backend).toBe('orders-1');

    const turned = performance.now();
    old.health = (path) => (path === '/primary?epoch=42' ? 'bad' : 'good');
    await endOf(writer, turned, 'the session on an instance with a bad health check');
    expect(await whoAnswers(rw)).toBe('');

    const better = performance.now();
    old.health = () => 'good';
    await answeredBy(rw, 'orders-1', better, 'a healthy instance was used again');
  });

  it('keep reads on a standby while one is fit, and only then send them to the primary', async () => {
    await using primary = await startBackend('orders-1');
    await using second = await startBackend('orders-2');
    await using third = await startBackend('orders-3');
    const ro = await freePort();
    const reads = route('ro', ro, 0, [endpoint(primary, { lastResort: true }), endpoint(second), endpoint(third)]);
    await using _proxy = await envoy(gateway([reads]));
    const answers = async () => {
      const names = new Set<string>();
      for (let session = 0; session < 20; session++) names.add(await whoAnswers(ro));
      return [...names].toSorted().join();
    };
    expect(await answers()).toBe('orders-2,orders-3');
    second.health = () => 'bad';
    await until(async () => (await answers()) === 'orders-3', { what: 'all reads on the last standby' });
    third.health = () => 'bad';
    await until(async () => (await answers()) === 'orders-1', { what: 'all reads on the primary' });
    second.health = () => 'good';
    await until(async () => (await answers()) === 'orders-2', { what: 'all reads on a standby again' });
  });
});
