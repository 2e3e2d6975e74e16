import { describe, expect, it } from 'vitest';
import { edsCluster, endpoints, tcpListener } from '../test/support/xds-resources.ts';
import { changedResources, sameResources, versionOf } from './diff.ts';
import { buildSnapshot, changeSnapshot, type SnapshotInput } from './snapshot.ts';
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
    expect(two.version).toBe(one.version);
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
    expect(changeSnapshot(two, input(1)).version).toBe(one.version);
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
});
