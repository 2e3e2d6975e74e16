import { describe, expect, it } from 'vitest';
import { edsCluster, endpoints, tcpListener } from '../test/support/xds-resources.ts';
import { NodeMemory } from './memory.ts';
import { Session } from './session.ts';
import type { Push, SotwRequest } from './session-types.ts';
import { buildSnapshot, EMPTY_SNAPSHOT, type Snapshot } from './snapshot.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE, type TypeUrl } from './type-urls.ts';

const AT = { now: 0, wall: 0 };

/** A proxy's side of a session, one request at a time. */
class Peer {
  readonly session: Session;

  constructor(snapshot: Snapshot | undefined, memory = new NodeMemory()) {
    this.session = new Session({ memory, variant: 'sotw', aggregated: true, ttl: false, snapshot });
  }

  ask(type: TypeUrl, names: string[] = [], more: Partial<SotwRequest> = {}): Push[] {
    const request = { type, names, version: '', nonce: '', error: undefined, ...more };
    return [...this.session.onRequest(request, AT).pushes];
  }

  accept({ type, version, nonce }: Push, names: string[] = []): Push[] {
    return this.ask(type, names, { version, nonce });
  }

  refuse({ type, nonce }: Push, error: string): Push[] {
    return this.ask(type, [], { nonce, error });
  }

  publish(snapshot: Snapshot): Push[] {
    return [...this.session.onSnapshot(snapshot, AT).pushes];
  }

  rejection(type: TypeUrl) {
    return this.session.status().find((status) => status.type === type)?.nacked;
  }
}

function listeners(ports: Readonly<Record<string, number>>): Snapshot {
  const all = Object.entries(ports).map(([name, port]) => tcpListener(name, port, 'elsewhere'));
  return buildSnapshot({ listeners: all }, ['elsewhere']);
}

function assignments(...names: string[]): Snapshot {
  return buildSnapshot({ clusters: [], endpoints: names.map((name) => endpoints(name, 1)), listeners: [] });
}

function names(push: Push | undefined): string[] | undefined {
  return push?.resources.map((resource) => resource.name);
}

describe('a listener', () => {
  it('that is to lead to a cluster which the proxy has goes out at once, and what it led to leaves after it', () => {
    const leadingTo = (to: string, ...clusters: string[]) =>
      buildSnapshot({
        clusters: clusters.map((name) => edsCluster(name)),
        endpoints: clusters.map((name) => endpoints(name, 1)),
        listeners: [tcpListener('rw', 1, to)],
      });
    const proxy = new Peer(leadingTo('e1', 'e1', 'e2'));
    const [clusters] = proxy.ask(CLUSTER_TYPE);
    const [assigned] = proxy.ask(ENDPOINT_TYPE, ['e1', 'e2']);
    proxy.ask(LISTENER_TYPE);
    proxy.accept(assigned!, ['e1', 'e2']);
    const [listener] = proxy.accept(clusters!);
    expect(proxy.accept(listener!)).toEqual([]);

    const moved = proxy.publish(leadingTo('e2', 'e2'));
    expect(moved.map(({ type }) => type)).toEqual([LISTENER_TYPE]);
    const gone = proxy.accept(moved[0]!);
    expect(gone.map((push) => [push.type, names(push)])).toEqual([[CLUSTER_TYPE, ['e2']]]);
  });
});

describe('a session', () => {
  it('sends nothing that the proxy has', () => {
    const proxy = new Peer(listeners({ rw: 1 }));
    const [first] = proxy.ask(LISTENER_TYPE);
    expect(proxy.accept(first!)).toEqual([]);
    expect(proxy.publish(listeners({ rw: 1 }))).toEqual([]);
    expect(proxy.ask(LISTENER_TYPE, [], { nonce: first!.nonce })).toEqual([]);
  });

  it('merges what changes while a response is under way', () => {
    const proxy = new Peer(listeners({ rw: 1 }));
    const [first] = proxy.ask(LISTENER_TYPE);
    expect(proxy.publish(listeners({ rw: 2 }))).toEqual([]);
    expect(proxy.publish(listeners({ rw: 3, ro: 4 }))).toEqual([]);
    const [second] = proxy.accept(first!);
    expect(names(second)).toEqual(['rw', 'ro']);
  });

  it('ignores an answer to a response before the last', () => {
    const proxy = new Peer(listeners({ rw: 1 }));
    const [first] = proxy.ask(LISTENER_TYPE);
    proxy.accept(first!);
    proxy.publish(listeners({ rw: 2 }));
    expect(proxy.refuse(first!, 'rw: late')).toEqual([]);
    expect(proxy.rejection(LISTENER_TYPE)).toBeNull();
  });

  it('removes by sending what is left, also when that is nothing', () => {
    const proxy = new Peer(listeners({ rw: 1 }));
    const [first] = proxy.ask(LISTENER_TYPE);
    proxy.accept(first!);
    const [second] = proxy.publish(EMPTY_SNAPSHOT);
    expect(second?.resources).toEqual([]);
  });

  it('believes the version that a proxy brings from an earlier stream', () => {
    const snapshot = listeners({ rw: 1 });
    const { version } = new Peer(snapshot).ask(LISTENER_TYPE)[0]!;
    const proxy = new Peer(snapshot);
    expect(proxy.ask(LISTENER_TYPE, [], { version })).toEqual([]);
    expect(proxy.session.status()[0]?.acked?.version).toBe(version);
    expect(names(proxy.publish(listeners({ rw: 2 }))[0])).toEqual(['rw']);
  });

  it('sends endpoints that changed, that were added to the subscription, and that were asked for again', () => {
    const proxy = new Peer(assignments('a', 'b'));
    const [first] = proxy.ask(ENDPOINT_TYPE, ['a']);
    expect(names(first)).toEqual(['a']);
    const [second] = proxy.accept(first!, ['a', 'b']);
    expect(names(second)).toEqual(['b']);
    expect(proxy.accept(second!, ['b'])).toEqual([]);
    const [third] = proxy.accept(second!, ['a', 'b']);
    expect(names(third)).toEqual(['a']);
  });

  it('sends the endpoints of a cluster that changed again', () => {
    const of = (timeout: string) =>
      buildSnapshot({
        clusters: [edsCluster('a', { connect_timeout: timeout })],
        endpoints: [endpoints('a', 1)],
        listeners: [],
      });
    const proxy = new Peer(of('1s'));
    const [clusters] = proxy.ask(CLUSTER_TYPE);
    const [first] = proxy.ask(ENDPOINT_TYPE, ['a']);
    proxy.accept(first!, ['a']);
    proxy.accept(clusters!);
    expect(proxy.publish(of('2s')).map(({ type }) => type)).toEqual([CLUSTER_TYPE, ENDPOINT_TYPE]);
  });
});

describe('a refusal', () => {
  /** A proxy with listeners on 1 that was sent `rw` on 66 and `ro` on 2. */
  function refusing() {
    const memory = new NodeMemory();
    const proxy = new Peer(listeners({ rw: 1, ro: 9 }), memory);
    proxy.accept(proxy.ask(LISTENER_TYPE)[0]!);
    const [bad] = proxy.publish(listeners({ rw: 66, ro: 2 }));
    return { memory, proxy, bad: bad! };
  }

  it('holds back what it is about, and lets the rest through', () => {
    const { proxy, bad } = refusing();
    const [next] = proxy.refuse(bad, 'rw: bad port');
    expect(next?.resources).toEqual(
      ['rw', 'ro'].map((name) => listeners({ rw: 1, ro: 2 }).sets[LISTENER_TYPE].resources.get(name)),
    );
    proxy.accept(next!);
    expect(proxy.rejection(LISTENER_TYPE)).toMatchObject({
      version: bad.version,
      error: 'rw: bad port',
      resources: ['rw'],
    });
    expect(proxy.publish(listeners({ rw: 66, ro: 2 }))).toEqual([]);
  });

  it('is over when another version is accepted', () => {
    const { proxy, bad } = refusing();
    proxy.accept(proxy.refuse(bad, 'rw: bad port')[0]!);
    const [good] = proxy.publish(listeners({ rw: 3, ro: 2 }));
    expect(names(good)).toEqual(['rw', 'ro']);
    // Until it answered, the refusal is the last that it said.
    expect(proxy.rejection(LISTENER_TYPE)).not.toBeNull();
    proxy.accept(good!);
    expect(proxy.rejection(LISTENER_TYPE)).toBeNull();
  });

  it('is remembered on the next stream', () => {
    const { memory, proxy, bad } = refusing();
    proxy.refuse(bad, 'rw: bad port');
    const again = new Peer(listeners({ rw: 66, ro: 2 }), memory);
    const [first] = again.ask(LISTENER_TYPE);
    expect(first?.resources).not.toContainEqual(bad.resources[0]);
    expect(names(first)).toEqual(['rw', 'ro']);
  });

  it('may have been in part: what was there before is sent once more', () => {
    const { proxy, bad } = refusing();
    proxy.publish(listeners({ rw: 1, ro: 9 }));
    const [back] = proxy.refuse(bad, 'rw: bad port');
    expect(names(back)).toEqual(['rw', 'ro']);
    expect(proxy.accept(back!)).toEqual([]);
  });

  it('of everything ends in silence', () => {
    const { proxy, bad } = refusing();
    let [next] = proxy.refuse(bad, 'no');
    let rounds = 0;
    for (; next && rounds < 10; rounds += 1) [next] = proxy.refuse(next, 'no');
    expect(rounds).toBeLessThan(3);
  });
});
