import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../proto/json.ts';
import { compileNodeMatchers } from './node-matcher.ts';

const node: JsonObject = {
  id: 'instance/orders/orders-1',
  metadata: { zone: 'a', spot: true, weight: 1.5, none: null, tags: ['x', 'y'], deep: { zone: 'b' } },
};

const matches = (...matchers: JsonObject[]) => {
  const { matches: predicate, problems } = compileNodeMatchers(matchers);
  expect(problems).toEqual([]);
  return predicate(node);
};
const id = (pattern: JsonObject) => ({ node_id: pattern });
const metadata = (path: string, value: JsonObject) => ({
  node_metadatas: [{ path: path.split('.').map((key) => ({ key })), value }],
});

describe('compileNodeMatchers', () => {
  it.each<[JsonObject, boolean]>([
    [{ exact: 'instance/orders/orders-1' }, true],
    [{ exact: 'instance/orders/orders' }, false],
    [{ prefix: 'instance/' }, true],
    [{ prefix: 'gateway/' }, false],
    [{ suffix: '-1' }, true],
    [{ suffix: '-2' }, false],
    [{ contains: '/orders/' }, true],
    [{ contains: 'users' }, false],
    [{ safe_regex: { regex: 'instance/.*/orders-\\d' } }, true],
    // The whole id, not a part of it.
    [{ safe_regex: { regex: 'orders' } }, false],
    [{ exact: 'INSTANCE/orders/orders-1', ignore_case: true }, true],
    [{ prefix: 'INSTANCE/', ignore_case: false }, false],
  ])('node_id %j: %s', (pattern, expected) => {
    expect(matches(id(pattern))).toBe(expected);
  });

  it.each<[string, JsonObject, boolean]>([
    ['zone', { string_match: { exact: 'a' } }, true],
    ['deep.zone', { string_match: { exact: 'b' } }, true],
    ['deep.zone', { string_match: { exact: 'a' } }, false],
    ['weight', { string_match: { exact: '1.5' } }, false],
    ['weight', { double_match: { exact: 1.5 } }, true],
    ['weight', { double_match: { range: { start: 1, end: 2 } } }, true],
    ['weight', { double_match: { range: { start: 0, end: 1.5 } } }, false],
    ['spot', { bool_match: true }, true],
    ['spot', { bool_match: false }, false],
    ['none', { null_match: {} }, true],
    ['absent', { null_match: {} }, false],
    ['zone', { present_match: true }, true],
    ['absent', { present_match: true }, false],
    ['deep', { present_match: true }, false],
    ['tags', { list_match: { one_of: { string_match: { exact: 'y' } } } }, true],
    ['tags', { list_match: { one_of: { string_match: { exact: 'z' } } } }, false],
    ['zone', { or_match: { value_matchers: [{ bool_match: true }, { string_match: { exact: 'a' } }] } }, true],
    // Not what every object has by birth.
    ['constructor', { present_match: true }, false],
  ])('metadata %s %j: %s', (path, value, expected) => {
    expect(matches(metadata(path, value))).toBe(expected);
  });

  it('no matcher is everybody, one of several is enough, within one all must hold', () => {
    const zone = (name: string) => metadata('zone', { string_match: { exact: name } });
    expect(matches()).toBe(true);
    expect(matches(id({ exact: 'x' }), id({ suffix: '-1' }))).toBe(true);
    expect(matches({ ...id({ suffix: '-1' }), ...zone('b') })).toBe(false);
    expect(matches({ ...id({ suffix: '-1' }), ...zone('a') })).toBe(true);
  });

  it('says everything that is wrong, and where', () => {
    const { problems } = compileNodeMatchers([
      {},
      id({}),
      id({ prefix: '' }),
      id({ safe_regex: { regex: '(' } }),
      id({ safe_regex: { regex: '(a)\\1' } }),
      id({ safe_regex: { regex: 'a'.repeat(1025) } }),
      id({ custom: { name: 'x' } }),
      { node_metadatas: [{ path: [], value: { bool_match: true } }, { path: [{ key: '' }] }] },
      metadata('a', { or_match: { value_matchers: [{ double_match: {} }] } }),
    ]);
    const anyOf = 'must have one of exact, prefix, suffix, safe_regex, contains';
    expect(problems.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      'node_matchers[0]: must have node_id or node_metadatas',
      `node_matchers[1].node_id: ${anyOf}`,
      'node_matchers[2].node_id.prefix: must not be empty',
      expect.stringContaining('node_matchers[3].node_id.safe_regex.regex: error parsing regexp: missing closing )'),
      expect.stringContaining(
        'node_matchers[4].node_id.safe_regex.regex: error parsing regexp: invalid escape sequence',
      ),
      'node_matchers[5].node_id.safe_regex.regex: must have at most 1024 characters, has 1025',
      `node_matchers[6].node_id: ${anyOf}`,
      'node_matchers[7].node_metadatas[0].path: must name at least one key',
      'node_matchers[7].node_metadatas[1].path[0].key: must not be empty',
      'node_matchers[7].node_metadatas[1].value: must say what to match, such as string_match or present_match',
      'node_matchers[8].node_metadatas[0].value.or_match.value_matchers: must have at least 2, has 1',
      'node_matchers[8].node_metadatas[0].value.or_match.value_matchers[0].double_match: must have exact or range',
    ]);
  });

  it('a regular expression that others choke on takes no time', () => {
    const { matches: predicate } = compileNodeMatchers([id({ safe_regex: { regex: '(a+)+b' } })]);
    const began = performance.now();
    expect(predicate({ id: 'a'.repeat(5000) })).toBe(false);
    expect(performance.now() - began).toBeLessThan(1000);
  });
});
