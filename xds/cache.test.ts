import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../proto/json.ts';
import { edsCluster, endpoints } from '../test/support/xds-resources.ts';
import { SnapshotCache } from './cache.ts';
import { buildSnapshot } from './snapshot.ts';
import { type Subscription, subscribe } from './subscription.ts';
import { ENDPOINT_TYPE, type TypeUrl } from './type-urls.ts';

/** A stream that counts what it is told, and asks for these endpoints. */
class Member {
  told = 0;
  readonly #subscription: Subscription | undefined;

  constructor(cache: SnapshotCache, node: JsonObject, names?: readonly string[]) {
    this.#subscription = names && subscribe(ENDPOINT_TYPE, undefined, names);
    const membership = cache.join(String(node.id), node, this);
    if (this.#subscription) membership.subscribed(ENDPOINT_TYPE, undefined, this.#subscription);
  }

  onSnapshot(): void {
    this.told += 1;
  }

  subscription(type: TypeUrl): Subscription | undefined {
    return type === ENDPOINT_TYPE ? this.#subscription : undefined;
  }
}

const shared = () => new SnapshotCache({ group: ({ cluster }) => String(cluster) });
const port = (name: string, number: number) => ({ set: [endpoints(name, number)] });

describe('the cache', () => {
  it('tells a change of what many share to those who asked for it, and to no other', () => {
    const cache = shared();
    const names = Array.from({ length: 100 }, (_, index) => `c${index}`);
    cache.set('web', buildSnapshot({ endpoints: names.map((name) => endpoints(name, 1)) }));
    const members = names.map((name) => new Member(cache, { id: `n-${name}`, cluster: 'web' }, [name, 'c0']));
    const all = new Member(cache, { id: 'all', cluster: 'web' }, ['*']);
    cache.update('web', 'endpoints', port('c7', 2));
    expect(members.flatMap(({ told }, index) => (told > 0 ? [index] : []))).toEqual([7]);
    expect(all.told).toBe(1);
    cache.update('web', 'endpoints', { remove: ['c0'] });
    expect(members.every(({ told }) => told > 0)).toBe(true);
  });

  it('adds, replaces and removes single resources, with versions of their own', () => {
    const cache = new SnapshotCache();
    cache.update('n', 'endpoints', { set: [{ resource: endpoints('a', 1), version: 'one' }, endpoints('b', 1)] });
    const versionOf = (name: string) => cache.get('n')?.sets[ENDPOINT_TYPE].resources.get(name)?.version;
    expect(versionOf('a')).toBe('one');
    cache.update('n', 'endpoints', { set: [{ resource: endpoints('a', 2), version: 'two' }], remove: ['b', 'c'] });
    expect([versionOf('a'), versionOf('b')]).toEqual(['two', undefined]);
    expect(() => cache.update('n', 'endpoints', { set: [{ cluster_name: 'd', nonsense: 1 }] })).toThrow('nonsense');
    expect(versionOf('a')).toBe('two');
  });

  it('makes one change of a batch, in whatever order, or none', () => {
    const cache = new SnapshotCache();
    const member = new Member(cache, { id: 'n' });
    cache.batch(() => {
      cache.update('n', 'clusters', { set: [edsCluster('a')] });
      for (let number = 1; number <= 1000; number++) cache.update('n', 'endpoints', port('a', number));
    });
    expect(member.told).toBe(1);
    const before = cache.get('n');
    const bad = () => {
      cache.update('n', 'endpoints', port('a', 5));
      cache.update('n', 'clusters', { set: [edsCluster('b')] });
    };
    expect(() => cache.batch(bad)).toThrow('b');
    expect(cache.get('n')).toBe(before);
    expect(member.told).toBe(1);
  });

  it('says nothing of a million publications of the same', () => {
    const cache = new SnapshotCache();
    const member = new Member(cache, { id: 'n' });
    const assignment = endpoints('a', 1);
    const input = { clusters: [edsCluster('a')], endpoints: [assignment] };
    cache.set('n', buildSnapshot(input));
    const same = [buildSnapshot(input), buildSnapshot(structuredClone(input))];
    const begun = performance.now();
    for (let count = 0; count < 1_000_000; count++) {
      cache.set('n', same[count % 2]!);
      if (count % 4 === 0) cache.update('n', 'endpoints', { set: [assignment] });
    }
    expect(member.told).toBe(1);
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  it('remembers a node as long as its group has something for it', () => {
    const cache = shared();
    const join = () => cache.join('n', { id: 'n', cluster: 'web' }, new Member(new SnapshotCache(), { id: 'x' }));
    cache.set('web', buildSnapshot({}));
    const first = join();
    first.leave();
    const second = join();
    expect(second.memory).toBe(first.memory);
    second.leave();
    cache.delete('web');
    expect(join().memory).not.toBe(first.memory);
  });
});
