import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edsCluster, endpoints, tcpListener } from '../test/support/xds-resources.ts';
import { changedResources, sameResources } from './diff.ts';
import { versionOf } from './hash.ts';
import { buildSnapshot, changeSnapshot, type Snapshot, type SnapshotInput, sameContent } from './snapshot.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE } from './type-urls.ts';

function input(port = 1): SnapshotInput {
  return {
    clusters: [edsCluster('a'), edsCluster('b')],
    endpoints: [endpoints('a', port), endpoints('b', 1)],
    listeners: [tcpListener('rw', 5000, 'a')],
  };
}

describe('a snapshot', () => {
  it('has the same version for the same content in another order, and shares what is encoded', () => {
    const one = buildSnapshot(input());
    const { clusters = [], ...rest } = input();
    const two = buildSnapshot({ ...rest, clusters: clusters.toReversed() });
    expect(sameContent(two.sets, one.sets)).toBe(true);
    for (const type of [CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE] as const) {
      for (const [name, resource] of one.sets[type].resources)
        expect(two.sets[type].resources.get(name)).toBe(resource);
    }
  });

  it('differs only where the content does', () => {
    const one = buildSnapshot(input(1)).sets;
    const two = buildSnapshot(input(2)).sets;
    expect(sameResources(two[CLUSTER_TYPE].resources, one[CLUSTER_TYPE].resources)).toBe(true);
    expect(sameResources(two[ENDPOINT_TYPE].resources, one[ENDPOINT_TYPE].resources)).toBe(false);
    const changed = changedResources(two[ENDPOINT_TYPE].resources, one[ENDPOINT_TYPE].resources);
    expect(changed.map(({ name }) => name)).toEqual(['a']);
    expect(versionOf(one[CLUSTER_TYPE].resources.values())).toBe(two[CLUSTER_TYPE].version);
  });

  it('that is changed in part is the one that is built anew', () => {
    const one = buildSnapshot(input(1));
    const two = changeSnapshot(one, { endpoints: [endpoints('a', 2)], clusters: [] });
    expect(two).toEqual(buildSnapshot(input(2)));
    expect(two.sets[CLUSTER_TYPE]).toBe(one.sets[CLUSTER_TYPE]);
    expect(sameContent(changeSnapshot(two, input(1)).sets, one.sets)).toBe(true);
    expect(() => changeSnapshot(one, { clusters: [edsCluster('c')] })).toThrow('no endpoints named c');
  });

  it.each<[string, Partial<SnapshotInput>, string]>([
    ['a mistake in a resource', { clusters: [edsCluster('a', { nonsense: 1 })] }, 'Cluster a $.nonsense: '],
    ['two of one name', { listeners: [tcpListener('x', 1, 'a'), tcpListener('x', 2, 'a')] }, 'two resources'],
    ['no name', { listeners: [{}] }, 'Listener (no name) $.name: must be set'],
    [
      'a cluster without its endpoints',
      { endpoints: [endpoints('a', 1)] },
      'Cluster b $.eds_cluster_config: there are no endpoints named b',
    ],
  ])('is refused with %s', (_, changes, message) => {
    expect(() => buildSnapshot({ ...input(), ...changes })).toThrow(message);
  });

  it('that is changed in part is refused for just what the whole would be refused for', () => {
    const names = fc.constantFrom('a', 'b', 'c');
    const change = fc.oneof(
      fc.record({ kind: fc.constant('clusters' as const), name: names, isRemoved: fc.boolean() }),
      fc.record({ kind: fc.constant('endpoints' as const), name: names, isRemoved: fc.boolean(), port: fc.nat(2) }),
      fc.record({ kind: fc.constant('listeners' as const), name: names, isRemoved: fc.boolean(), cluster: names }),
    );
    const make = (each: { kind: string; name: string; port?: number; cluster?: string }) => {
      if (each.kind === 'clusters') return edsCluster(each.name);
      if (each.kind === 'endpoints') return endpoints(each.name, 1 + (each.port ?? 0));
      return tcpListener(each.name, 5000 + each.name.charCodeAt(0), each.cluster ?? 'a');
    };
    const verdict = (action: () => Snapshot) => {
      try {
        return action();
      } catch (error) {
        return String(error);
      }
    };
    fc.assert(
      fc.property(fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { maxLength: 12 }), (steps) => {
        let now = buildSnapshot(input());
        const has = { clusters: new Map(), endpoints: new Map(), listeners: new Map() };
        for (const name of ['a', 'b']) {
          has.clusters.set(name, edsCluster(name));
          has.endpoints.set(name, endpoints(name, 1));
        }
        has.listeners.set('rw', tcpListener('rw', 5000, 'a'));
        for (const step of steps) {
          const wanted = structuredClone(has);
          const set = { clusters: new Map(), endpoints: new Map(), listeners: new Map() };
          const removed: Record<string, string[]> = { clusters: [], endpoints: [], listeners: [] };
          for (const each of step) {
            if (each.isRemoved) removed[each.kind]?.push(each.name);
            else set[each.kind].set(each.name, make(each));
          }
          for (const kind of ['clusters', 'endpoints', 'listeners'] as const) {
            for (const [name, resource] of set[kind]) wanted[kind].set(name, resource);
            for (const name of removed[kind] ?? []) wanted[kind].delete(name);
          }
          const listed = (from: typeof set) => ({
            clusters: [...from.clusters.values()],
            endpoints: [...from.endpoints.values()],
            listeners: [...from.listeners.values()],
          });
          const whole = verdict(() => buildSnapshot(listed(wanted)));
          const part = verdict(() => changeSnapshot(now, listed(set), removed));
          expect(typeof part).toBe(typeof whole);
          if (typeof part === 'string' || typeof whole === 'string') continue;
          expect(sameContent(part.sets, whole.sets)).toBe(true);
          now = part;
          Object.assign(has, wanted);
        }
      }),
    );
  });
});
