import { describe, expect, it } from 'vitest';
import { edsCluster, endpoints } from '../test/support/xds-resources.ts';
import { refusedBy } from './memory.ts';
import { buildSnapshot } from './snapshot.ts';
import { CLUSTER_TYPE } from './type-urls.ts';

describe('who a refusal is about', () => {
  const names = ['rw', 'rw.orders', 'e1.rw', 'a/b'];
  const snapshot = buildSnapshot({
    clusters: names.map((name) => edsCluster(name)),
    endpoints: names.map((name) => endpoints(name, 1)),
    listeners: [],
  });
  const resources = [...snapshot.sets[CLUSTER_TYPE].resources.values()];

  it.each([
    ['Error adding/updating listener(s) rw: no such filter', ['rw']],
    ['Error adding/updating cluster(s) e1.rw: bad, a/b: worse', ['e1.rw', 'a/b']],
    ["cluster 'rw.orders' is bad", ['rw.orders']],
    ['Proto constraint validation failed', names],
    ['rw2 and 1.rw', names],
  ])('%s', (error, expected) => {
    expect(refusedBy(error, resources).map(({ name }) => name)).toEqual(expected);
  });

  it('is about what was taken before when nothing else is named', () => {
    const [rw, ...rest] = resources;
    const about = (error: string, changed: typeof resources) =>
      refusedBy(error, changed, resources).map(({ name }) => name);
    expect(about('rw: port taken', [])).toEqual(['rw']);
    expect(about('rw: port taken', rest)).toEqual(['rw']);
    expect(about('rw.orders depends on rw', rest)).toEqual(['rw.orders']);
    expect(about('no', [])).toEqual(names);
    expect(about('no', rw ? [rw] : [])).toEqual(['rw']);
    // A removal is refused: nothing of what stays.
    expect(refusedBy('no', [], resources, [])).toEqual([]);
  });
});
