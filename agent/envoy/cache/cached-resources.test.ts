import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meshRwListenerName, routeClusterName } from '../../../envoy-config/names.ts';
import { permitted } from './cached-resources.ts';

const names = (resources: readonly { name?: unknown; cluster_name?: unknown }[]) =>
  resources.map((found) => found.name ?? found.cluster_name);

function cacheOf(epoch: number) {
  const route = (kind: 'rw' | 'ro' | 'any' | 'replication') => ({
    cluster_name: routeClusterName({ kind, cluster: 'orders', epoch }),
    endpoints: [{ lb_endpoints: [] }],
  });
  return {
    clusters: [{ name: 'local' }],
    endpoints: [route('rw'), route('replication'), route('ro'), route('any')],
    listeners: [{ name: 'mesh' }, { name: meshRwListenerName(epoch) }, { name: 'rw.orders' }],
  };
}

const epochs = fc.integer({ min: 1, max: 4 });

describe('what may be used of a cache', () => {
  it('is all of it on the primary of its epoch that holds its lease', () => {
    expect(permitted(cacheOf(3), { promisedEpoch: 3, writableEpoch: 3 })).toEqual(cacheOf(3));
  });

  it('has the port for writes on no other instance and in no other epoch', () => {
    fc.assert(
      fc.property(epochs, epochs, fc.integer({ min: 0, max: 4 }), (epoch, promisedEpoch, writableEpoch) => {
        const { listeners } = permitted(cacheOf(epoch), { promisedEpoch, writableEpoch });
        const isOpen = names(listeners).includes(meshRwListenerName(epoch));
        expect(isOpen).toBe(epoch === writableEpoch && epoch >= promisedEpoch);
        expect(names(listeners)).toEqual(expect.arrayContaining(['mesh', 'rw.orders']));
      }),
    );
  });

  it('leads no writes and no replication to an epoch below the promise, and reads as ever', () => {
    fc.assert(
      fc.property(epochs, epochs, (epoch, promisedEpoch) => {
        const { endpoints } = permitted(cacheOf(epoch), { promisedEpoch, writableEpoch: 0 });
        const open = endpoints.filter((found) => found.endpoints !== undefined);
        const reads = ['ro.orders', 'any.orders'];
        const fenced = [`e${epoch}.rw.orders`, `e${epoch}.replication.orders`];
        expect(names(open)).toEqual(epoch < promisedEpoch ? reads : [...fenced, ...reads]);
        expect(names(endpoints)).toHaveLength(4);
      }),
    );
  });
});
