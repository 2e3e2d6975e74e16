import { describe, expect, it } from 'vitest';
import { edsCluster, endpoints } from '../test/support/xds-resources.ts';
import { NodeMemory } from './memory.ts';
import { Session } from './session.ts';
import type { DeltaRequest, Push } from './session-types.ts';
import { buildSnapshot, type Snapshot } from './snapshot.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, type TypeUrl } from './type-urls.ts';

const AT = { now: 0, wall: 0 };

/** A proxy's side of a session in delta, one request at a time. */
class Peer {
  readonly session: Session;

  constructor(snapshot: Snapshot, { memory = new NodeMemory(), aggregated = true, ttl = false } = {}) {
    this.session = new Session({ memory, variant: 'delta', aggregated, ttl, snapshot });
  }

  ask(type: TypeUrl, subscribe: string[], more: Partial<DeltaRequest> = {}): Push[] {
    const none = { unsubscribe: [], initialVersions: new Map(), nonce: '', error: undefined };
    return [...this.session.onRequest({ type, subscribe, ...none, ...more }, AT).pushes];
  }

  accept({ type, nonce }: Push): Push[] {
    return this.ask(type, [], { nonce });
  }

  publish(snapshot: Snapshot): Push[] {
    return [...this.session.onSnapshot(snapshot, AT).pushes];
  }
}

function assignments(ports: Readonly<Record<string, number>>): Snapshot {
  return buildSnapshot({ endpoints: Object.entries(ports).map(([name, port]) => endpoints(name, port)) });
}

function told(push: Push | undefined) {
  return push && [push.resources.map(({ name }) => name), push.removed];
}

describe('a session in delta', () => {
  it('sends what changed, tells what is gone, and what was never there', () => {
    const proxy = new Peer(assignments({ a: 1, b: 1 }));
    const [first] = proxy.ask(ENDPOINT_TYPE, ['a', 'b', 'c']);
    expect(told(first)).toEqual([['a', 'b'], ['c']]);
    expect(proxy.accept(first!)).toEqual([]);
    const [second] = proxy.publish(assignments({ a: 2, c: 1 }));
    expect(told(second)).toEqual([['a', 'c'], ['b']]);
    expect(proxy.accept(second!)).toEqual([]);
    expect(proxy.publish(assignments({ a: 2, c: 1 }))).toEqual([]);
  });

  it('sends what is asked for again, and believes what a proxy brings', () => {
    const snapshot = assignments({ a: 1, b: 1 });
    const version = snapshot.sets[ENDPOINT_TYPE].resources.get('a')!.version;
    const initialVersions = new Map([
      ['a', version],
      ['b', 'old'],
      ['gone', 'old'],
    ]);
    const proxy = new Peer(snapshot);
    const [first] = proxy.ask(ENDPOINT_TYPE, ['a', 'b', 'gone'], { initialVersions });
    expect(told(first)).toEqual([['b'], ['gone']]);
    proxy.accept(first!);
    expect(told(proxy.ask(ENDPOINT_TYPE, ['a'])[0])).toEqual([['a'], []]);
  });

  it('takes up a change of subscription while a response is under way', () => {
    const proxy = new Peer(assignments({ a: 1, b: 1 }));
    const [first] = proxy.ask(ENDPOINT_TYPE, ['a']);
    expect(proxy.ask(ENDPOINT_TYPE, ['b'], { unsubscribe: ['a'] })).toEqual([]);
    const [second] = proxy.accept(first!);
    expect(told(second)).toEqual([['b'], []]);
    proxy.accept(second!);
    expect(told(proxy.ask(ENDPOINT_TYPE, ['a'])[0])).toEqual([['a'], []]);
  });

  it('never sends a refused version again, and keeps the last good one', () => {
    const memory = new NodeMemory();
    const proxy = new Peer(assignments({ a: 1 }), { memory, aggregated: false });
    proxy.accept(proxy.ask(ENDPOINT_TYPE, ['a'])[0]!);
    const [bad] = proxy.publish(assignments({ a: 66 }));
    const [back] = proxy.ask(ENDPOINT_TYPE, [], { nonce: bad!.nonce, error: 'a: no' });
    expect(back?.resources[0]?.version).toBe(assignments({ a: 1 }).sets[ENDPOINT_TYPE].resources.get('a')?.version);
    expect(proxy.accept(back!)).toEqual([]);
    const again = new Peer(assignments({ a: 66 }), { memory, aggregated: false });
    expect(again.ask(ENDPOINT_TYPE, ['a'])[0]?.resources).toEqual(back?.resources);
    expect(told(proxy.publish(assignments({ a: 2 }))[0])).toEqual([['a'], []]);
  });

  it('holds no order between streams of single types', () => {
    const snapshot = buildSnapshot({ clusters: [edsCluster('a')], endpoints: [endpoints('a', 1)] });
    const proxy = new Peer(snapshot, { aggregated: false });
    const [first] = proxy.ask(CLUSTER_TYPE, []);
    proxy.accept(first!);
    expect(told(proxy.publish(buildSnapshot({}))[0])).toEqual([[], ['a']]);
  });

  it('keeps resources with a time to live alive', () => {
    const mortal = (port: number) => buildSnapshot({ endpoints: [{ resource: endpoints('a', port), ttlMs: 1000 }] });
    const proxy = new Peer(mortal(1), { ttl: true });
    const [first] = proxy.ask(ENDPOINT_TYPE, ['a']);
    expect(proxy.session.timerAt).toBeUndefined();
    proxy.accept(first!);
    expect(proxy.session.timerAt).toBe(500);
    const [beat] = proxy.session.onTimer({ now: 500, wall: 500 }).pushes;
    expect(beat).toMatchObject({ heartbeat: true, version: first!.version });
    // A change waits for the answer to the heartbeat.
    expect(proxy.publish(mortal(2))).toEqual([]);
    expect(told(proxy.accept(beat!)[0])).toEqual([['a'], []]);
  });
});
