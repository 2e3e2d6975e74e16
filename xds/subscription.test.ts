import { describe, expect, it } from 'vitest';
import { includes, type Subscription, subscribe, subscribeDelta } from './subscription.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE, type TypeUrl } from './type-urls.ts';

/** The subscription after requests that list these names. */
function after(type: TypeUrl, ...requests: string[][]) {
  return requests.reduce<ReturnType<typeof subscribe> | undefined>(
    (previous, names) => subscribe(type, previous, names),
    undefined,
  )!;
}

describe('a subscription', () => {
  it.each<[string, TypeUrl, string[][], { a: boolean; b: boolean }]>([
    ['naming nothing at first is all clusters', CLUSTER_TYPE, [[]], { a: true, b: true }],
    ['and all listeners', LISTENER_TYPE, [[], []], { a: true, b: true }],
    ['but no endpoints', ENDPOINT_TYPE, [[]], { a: false, b: false }],
    ['names are these alone', ENDPOINT_TYPE, [['a']], { a: true, b: false }],
    ['each request lists the whole', ENDPOINT_TYPE, [['a'], ['b']], { a: false, b: true }],
    ['a star is all', ENDPOINT_TYPE, [['*']], { a: true, b: true }],
    ['names after all are these alone', CLUSTER_TYPE, [[], ['a']], { a: true, b: false }],
    ['naming nothing after names is nothing', CLUSTER_TYPE, [['a'], []], { a: false, b: false }],
    ['and stays so', CLUSTER_TYPE, [['*'], [], []], { a: false, b: false }],
    ['a star beside names is all', CLUSTER_TYPE, [['a'], ['a', '*']], { a: true, b: true }],
  ])('%s', (_, type, requests, expected) => {
    const subscription = after(type, ...requests);
    expect({ a: includes(subscription, 'a'), b: includes(subscription, 'b') }).toEqual(expected);
  });
});

describe('a subscription in differences', () => {
  const afterChanges = (type: TypeUrl, ...requests: [added: string[], dropped: string[]][]) =>
    requests.reduce<Subscription | undefined>(
      (previous, [added, dropped]) => subscribeDelta(type, previous, added, dropped),
      undefined,
    )!;

  it.each<[string, TypeUrl, [string[], string[]][], { a: boolean; b: boolean }]>([
    ['naming nothing at first is all clusters', CLUSTER_TYPE, [[[], []]], { a: true, b: true }],
    [
      'and stays so beside names',
      CLUSTER_TYPE,
      [
        [[], []],
        [['a'], []],
      ],
      { a: true, b: true },
    ],
    ['but is no endpoints', ENDPOINT_TYPE, [[[], []]], { a: false, b: false }],
    [
      'naming nothing later changes nothing',
      CLUSTER_TYPE,
      [
        [['a'], []],
        [[], []],
      ],
      { a: true, b: false },
    ],
    [
      'names are added',
      ENDPOINT_TYPE,
      [
        [['a'], []],
        [['b'], []],
      ],
      { a: true, b: true },
    ],
    [
      'and dropped',
      ENDPOINT_TYPE,
      [
        [['a', 'b'], []],
        [[], ['b']],
      ],
      { a: true, b: false },
    ],
    [
      'a star can be dropped, and the names stay',
      CLUSTER_TYPE,
      [
        [['*', 'a'], []],
        [[], ['*']],
      ],
      { a: true, b: false },
    ],
    [
      'also the one that was never said',
      CLUSTER_TYPE,
      [
        [[], []],
        [['a'], ['*']],
      ],
      { a: true, b: false },
    ],
  ])('%s', (_, type, requests, expected) => {
    const subscription = afterChanges(type, ...requests);
    expect({ a: includes(subscription, 'a'), b: includes(subscription, 'b') }).toEqual(expected);
  });

  it('is the same object when nothing changed', () => {
    const one = afterChanges(ENDPOINT_TYPE, [['a'], []]);
    expect(subscribeDelta(ENDPOINT_TYPE, one, ['a'], [])).toBe(one);
    const two = subscribe(ENDPOINT_TYPE, undefined, ['a']);
    expect(subscribe(ENDPOINT_TYPE, two, ['a'])).toBe(two);
  });
});
