/** Each rule kind against what validate.proto says of it, over the messages that protoc-gen-validate itself is tested with. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holds, passes, problems } from '../../test/support/rule-cases.ts';
import type { Json } from '../json.ts';
import { validate } from './validate.ts';

const near = (...limits: number[]) => limits.flatMap((limit) => [limit - 1, limit, limit + 1]);
const some = (values: fc.Arbitrary<number>, least: number) =>
  fc.oneof(fc.constantFrom(...near(0, 1, 2, 8, 10, 16, 64, 128, 256).filter((value) => value >= least)), values);
const signed32 = some(fc.integer(), -1);
const unsigned32 = some(fc.nat(), 0);
const float = fc.oneof(fc.constantFrom(4.56, 7.89, 1.23), some(fc.double({ noNaN: true }), -1));

describe('numbers', () => {
  const signed = { values: signed32, gtlt: [0, 10] as const };
  const unsigned = { values: unsigned32, gtlt: [5, 10] as const };
  const types = {
    Int32: signed,
    Int64: signed,
    SInt32: signed,
    SInt64: signed,
    SFixed32: signed,
    SFixed64: signed,
    UInt32: unsigned,
    UInt64: unsigned,
    Fixed32: unsigned,
    Fixed64: unsigned,
  };
  it.each(Object.entries(types))('%s', (type, { values, gtlt: [gt, lt] }) => {
    holds(`${type}Const`, values, (value) => value === 1);
    holds(`${type}In`, values, (value) => value === 2 || value === 3);
    holds(`${type}NotIn`, values, (value) => value !== 0);
    holds(`${type}LT`, values, (value) => value < (gt === 0 ? 0 : 5));
    holds(`${type}LTE`, values, (value) => value <= 64);
    holds(`${type}GT`, values, (value) => value > 16);
    holds(`${type}GTE`, values, (value) => value >= 8);
    holds(`${type}GTLT`, values, (value) => value > gt && value < lt);
    holds(`${type}ExLTGT`, values, (value) => value < gt || value > lt);
    holds(`${type}GTELTE`, values, (value) => value >= 128 && value <= 256);
    holds(`${type}ExGTELTE`, values, (value) => value <= 128 || value >= 256);
  });

  it.each(['Float', 'Double'])('%s', (type) => {
    const same = (a: number, b: number) => (type === 'Float' ? Math.fround(a) === Math.fround(b) : a === b);
    const stored = (value: number) => (type === 'Float' ? Math.fround(value) : value);
    holds(`${type}Const`, float, (value) => same(value, 1.23));
    holds(`${type}In`, float, (value) => same(value, 4.56) || same(value, 7.89));
    holds(`${type}NotIn`, float, (value) => stored(value) !== 0);
    holds(`${type}LT`, float, (value) => stored(value) < 0);
    holds(`${type}LTE`, float, (value) => stored(value) <= 64);
    holds(`${type}GT`, float, (value) => stored(value) > 16);
    holds(`${type}GTE`, float, (value) => stored(value) >= 8);
    holds(`${type}GTLT`, float, (value) => stored(value) > 0 && stored(value) < 10);
    holds(`${type}ExLTGT`, float, (value) => stored(value) < 0 || stored(value) > 10);
    holds(`${type}GTELTE`, float, (value) => stored(value) >= 128 && stored(value) <= 256);
    holds(`${type}ExGTELTE`, float, (value) => stored(value) <= 128 || stored(value) >= 256);
  });

  it('that are absent are 0', () => {
    expect(passes('Int32Const', undefined)).toBe(false);
    expect(passes('Int32LTE', undefined)).toBe(true);
    expect(passes('DoubleGT', null)).toBe(false);
  });

  it('NaN is in no range, and the infinities are on their sides', () => {
    for (const message of ['FloatLTE', 'DoubleGTE', 'DoubleExGTELTE']) expect(passes(message, 'NaN')).toBe(false);
    expect(problems('DoubleLTE', 'Infinity')).toEqual([
      { path: '$.val', message: 'must be at most 64, not "Infinity"' },
    ]);
    expect(passes('DoubleGTE', 'Infinity')).toBe(true);
  });

  it('the largest limits are what was written, though the parser rounds them', () => {
    const cache = (size: string) =>
      validate('envoy.extensions.filters.http.gcp_authn.v3.TokenCacheConfig', { cache_size: size });
    expect(cache('9223372036854775807')).toEqual([]);
    expect(cache('9223372036854775808')).toEqual([
      { path: '$.cache_size', message: 'must be at most 9223372036854775807, not "9223372036854775808"' },
    ]);
  });

  it('64-bit integers are compared exactly, as text and as numbers', () => {
    expect(passes('Int64LT', '-9223372036854775808')).toBe(true);
    expect(passes('UInt64GT', '18446744073709551615')).toBe(true);
    expect(passes('Int64Const', '1')).toBe(true);
    expect(passes('Int64In', '2')).toBe(true);
  });
});

describe('text', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.string({ unit: fc.constantFrom('a', 'é', '😀', '0'), maxLength: 8 }),
    fc.constantFrom('foo', 'bar', 'baz', 'fizz', 'buzz', 'foobar', 'xbarbaz', ''),
  );
  const characters = (value: string) => [...value].length;
  const bytes = (value: string) => Buffer.byteLength(value);
  it.each<[string, (value: string) => boolean]>([
    ['StringConst', (value) => value === 'foo'],
    ['StringIn', (value) => value === 'bar' || value === 'baz'],
    ['StringNotIn', (value) => value !== 'fizz' && value !== 'buzz'],
    ['StringLen', (value) => characters(value) === 3],
    ['StringMinLen', (value) => characters(value) >= 3],
    ['StringMaxLen', (value) => characters(value) <= 5],
    ['StringMinMaxLen', (value) => characters(value) >= 3 && characters(value) <= 5],
    ['StringLenBytes', (value) => bytes(value) === 4],
    ['StringMinBytes', (value) => bytes(value) >= 4],
    ['StringMaxBytes', (value) => bytes(value) <= 8],
    ['StringPattern', (value) => /^[A-Za-z0-9\u017f\u212a]+$/.test(value)],
    ['StringPrefix', (value) => value.startsWith('foo')],
    ['StringSuffix', (value) => value.endsWith('baz')],
    ['StringContains', (value) => value.includes('bar')],
    ['StringNotContains', (value) => !value.includes('bar')],
  ])('%s', (message, isRight) => holds(message, text, isRight));

  const formats: [string, string[], string[]][] = [
    [
      'StringEmail',
      ['a@b.c', 'a.b+c@d-e.f', '"a b"@c'],
      ['', 'a', 'a@', '@b', 'a..b@c', 'a@-b', `${'a'.repeat(65)}@b`],
    ],
    [
      'StringHostname',
      ['a', 'example.com', 'example.com.', 'a-1.b', '123', `${'a'.repeat(63)}.b`],
      ['', '.', '-a', 'a-', 'a..b', 'a_b', 'é.com', `${'a'.repeat(64)}.b`, 'a.'.repeat(127), 'a b'],
    ],
    ['StringIP', ['127.0.0.1', '::1', '2001:db8::1'], ['', '256.0.0.1', '1.2.3', ':::', 'localhost', 'fe80::1%lo']],
    ['StringIPv4', ['0.0.0.0'], ['::1', '', '1.2.3.4.5', '01.2.3.4']],
    ['StringIPv6', ['::', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4'], ['1.2.3.4', '', '1:2:3:4:5:6:7:8:9', 'fe80::1%lo']],
    ['StringAddress', ['a.b', '1.2.3.4', '::1'], ['', 'a_b', '1.2.3.4:5', '[::1]']],
    [
      'StringURI',
      ['http://a.b/c?d=e#f', 'urn:x:y', 'http://[::1]:80/', 'file:///x', 'http://u:p@h', 'a:%20'],
      ['', '/x', 'http://a b', 'a', '%20', 'http://a/%zz', 'http://[::1', 'http://a:b/', 'a:b#c#d'],
    ],
    ['StringURIRef', ['', '/x', 'a/b', '?x', '#x', 'http://a'], ['a b', '1:x', '%', 'a#b#c', '//a:x/']],
    [
      'StringUUID',
      ['01234567-89ab-cdef-0123-456789ABCDEF'],
      ['', '0123456789abcdef0123456789abcdef', '01234567-89ab-cdef-0123-456789abcdeg'],
    ],
    ['StringHttpHeaderName', ['x-y', ':path', '!#$%&', 'A_1|~`^'], ['', 'x y', 'a:b', '::x', 'é', 'x\r', '(x)']],
    ['StringHttpHeaderValue', ['', 'a b', '\t', 'é', ' '], ['\r', '\n', '\0', '\x7f', '\x1f']],
    ['StringValidHeader', ['', 'a b', '\x01', '\x7f'], ['\r', 'a\nb', '\0']],
  ];
  it.each(formats)('%s', (message, right, wrong) => {
    for (const value of right) expect([value, problems(message, value)]).toEqual([value, []]);
    for (const value of wrong) expect([value, passes(message, value)]).toEqual([value, false]);
  });

  it('a dot in a pattern is every character but a line feed, as in RE2', () => {
    const maxmind = (path: string) =>
      validate('envoy.extensions.geoip_providers.maxmind.v3.MaxMindConfig', {
        city_db_path: path,
        common_provider_config: { geo_headers_to_add: {} },
      }).length === 0;
    expect([maxmind('a\u2028.mmdb'), maxmind('a\n.mmdb'), maxmind(''), maxmind('a.mmdbx'), maxmind('ammdb')]).toEqual([
      ...[true, false, true, false, false],
    ]);
  });

  it('that may be empty is held only when it is not', () => {
    const header = (name: string) =>
      validate('envoy.extensions.geoip_providers.common.v3.CommonGeoipProviderConfig.GeolocationHeadersToAdd', {
        country: name,
      });
    expect([header(''), header('x-country'), header('x y').length, header(' ').length]).toEqual([[], [], 1, 1]);
  });
});

describe('bytes', () => {
  const ascii = fc.constantFrom('foo', 'bar', 'baz', 'fizz', 'buzz', 'xbarx', 'buzz', '').map(Buffer.from);
  const values = fc.oneof(
    ascii,
    fc.uint8Array({ maxLength: 17 }).map((value) => Buffer.from(value)),
    fc.constantFrom(4, 16).map((length) => Buffer.alloc(length)),
    fc.uint8Array({ maxLength: 3 }).map((value) => Buffer.from([0x99, ...value])),
  );
  it.each<[string, (value: Buffer) => boolean]>([
    ['BytesConst', (value) => value.equals(Buffer.from('foo'))],
    ['BytesIn', (value) => ['bar', 'baz'].includes(value.toString('latin1'))],
    ['BytesNotIn', (value) => !['fizz', 'buzz'].includes(value.toString('latin1'))],
    ['BytesLen', (value) => value.length === 3],
    ['BytesMinLen', (value) => value.length >= 3],
    ['BytesMaxLen', (value) => value.length <= 5],
    ['BytesPattern', (value) => value.length > 0 && value.every((byte) => byte < 0x80)],
    ['BytesPrefix', (value) => value[0] === 0x99],
    ['BytesSuffix', (value) => value.toString('latin1').endsWith('buzz')],
    ['BytesContains', (value) => value.includes('bar')],
    ['BytesIP', (value) => value.length === 4 || value.length === 16],
    ['BytesIPv4', (value) => value.length === 4],
    ['BytesIPv6', (value) => value.length === 16],
  ])('%s', (message, isRight) =>
    holds(
      message,
      values.map((value) => value.toString('base64')),
      (value) => isRight(Buffer.from(value, 'base64')),
    ),
  );
});

describe('bools and enums', () => {
  it('are what they must be', () => {
    holds('BoolConstTrue', fc.boolean(), (value) => value);
    holds('BoolConstFalse', fc.boolean(), (value) => !value);
    const names = fc.constantFrom('ZERO', 'ONE', 'TWO', 'THREE');
    holds('EnumConst', names, (name) => name === 'TWO');
    holds('EnumDefined', names, (name) => name !== 'THREE');
    holds('EnumIn', names, (name) => name === 'ZERO' || name === 'TWO');
    holds('EnumNotIn', names, (name) => name === 'ZERO' || name === 'TWO');
    holds('EnumAliasIn', fc.constantFrom('A', 'B', 'C', 'ALPHA', 'BETA', 'GAMMA'), (name) => !/^B/.test(name));
    expect(problems('EnumConst', 'ONE')).toEqual([{ path: '$.val', message: 'must be TWO, not "ONE"' }]);
  });

  it('that are absent are false and 0', () => {
    expect([passes('BoolConstTrue', undefined), passes('BoolConstFalse', undefined)]).toEqual([false, true]);
    expect([passes('EnumConst', undefined), passes('EnumIn', undefined)]).toEqual([false, true]);
  });
});

describe('lists and maps', () => {
  const lengthOf = (values: fc.Arbitrary<Json>) => fc.array(values, { maxLength: 6 });
  it('have as many items as they must, and right ones', () => {
    holds('RepeatedMin', lengthOf(fc.constant({ val: 1 })), (list) => list.length >= 2);
    holds('RepeatedMax', lengthOf(fc.constant(1)), (list) => list.length <= 3);
    holds('RepeatedMinMax', lengthOf(fc.constant(1)), (list) => list.length >= 2 && list.length <= 4);
    holds('RepeatedExact', lengthOf(fc.constant(1)), (list) => list.length === 3);
    const short = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 });
    holds('RepeatedUnique', short, (list) => new Set(list).size === list.length);
    holds('RepeatedItemRule', fc.array(fc.integer()), (list) => list.every((item) => item > 0));
    holds('RepeatedItemIn', fc.array(fc.constantFrom('foo', 'bar', 'x')), (list) => !list.includes('x'));
    holds('RepeatedItemNotIn', fc.array(fc.constantFrom('foo', 'x')), (list) => !list.includes('foo'));
    holds('RepeatedEnumIn', fc.array(fc.constantFrom('X', 'Y')), (list) => !list.includes('Y'));
    holds('RepeatedEmbedNone', fc.array(fc.record({ val: fc.integer() })), (list) => list.every(({ val }) => val > 0));
    holds('RepeatedEmbedSkip', fc.array(fc.record({ val: fc.integer() })), () => true);
    expect(problems('RepeatedUnique', ['a', 'b', 'a', 'a']).map(({ path }) => path)).toEqual(['$.val[2]', '$.val[3]']);
    expect(passes('RepeatedMin', undefined)).toBe(false);
  });

  it('have as many entries as they must, with right keys and values', () => {
    const map = <V extends Json>(values: fc.Arbitrary<V>, keys = fc.nat().map(String)) =>
      fc.dictionary(keys, values, { maxKeys: 6 });
    const size = (value: object) => Object.keys(value).length;
    holds('MapMin', map(fc.constant(1)), (value) => size(value) >= 2);
    holds('MapMax', map(fc.constant(1)), (value) => size(value) <= 3);
    holds('MapMinMax', map(fc.constant(true)), (value) => size(value) >= 2 && size(value) <= 4);
    holds('MapNoSparse', map(fc.constantFrom({}, null)), (value) => !Object.values(value).includes(null));
    const keys = fc.integer().map(String);
    holds('MapKeys', map(fc.constant(''), keys), (value) => Object.keys(value).every((key) => Number(key) < 0));
    holds('MapValues', map(fc.string()), (value) => Object.values(value).every((text) => [...text].length >= 3));
    expect(problems('MapRecursive', { 1: { val: 'abc' }, 2: { val: 'a' }, 3: {} }).map(({ path }) => path)).toEqual([
      '$.val.2.val',
      '$.val.3.val',
    ]);
    expect(passes('MapExact', undefined)).toBe(false);
  });
});
