/** Rules of messages, and of those types of google.protobuf that have rules of their own. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holds, passes, problems } from '../../test/support/rule-cases.ts';
import type { Json } from '../json.ts';
import { validate } from './validate.ts';

describe('messages', () => {
  it('are looked into, unless they are skipped or switched off', () => {
    const wrong = { const: 'bar', nested: { nested: {} } };
    expect(problems('Message', wrong).map(({ path }) => path)).toEqual([
      '$.val.const',
      '$.val.nested.nested.const',
      '$.val.nested.const',
    ]);
    expect(problems('MessageSkip', wrong)).toEqual([]);
    expect(problems('MessageDisabled', 1)).toEqual([]);
    expect(problems('MessageRequired', undefined)).toEqual([{ path: '$.val', message: 'must be set' }]);
    expect(problems('MessageRequired', { const: 'foo' })).toEqual([]);
    expect(problems('Message', undefined)).toEqual([]);
  });

  it('what is skipped must still be of its type', () => {
    expect(problems('MessageSkip', { const: 5, nested: { x: 1 } }).map(({ path }) => path)).toEqual([
      '$.val.const',
      '$.val.nested.x',
    ]);
  });

  it('have one member of a oneof that is required, and rules only on the one that is there', () => {
    const oneof = (name: string, json: Json) => validate(`tests.harness.cases.${name}`, json);
    expect(oneof('OneOfRequired', {})).toEqual([{ path: '$', message: 'one of x, y must be set' }]);
    expect(oneof('OneOfRequired', { x: '' })).toEqual([]);
    expect(oneof('OneOfRequired', { y: null })).toHaveLength(1);
    expect(oneof('OneOf', {})).toEqual([]);
    expect(oneof('OneOf', { x: 'foo' })).toEqual([]);
    expect(oneof('OneOf', { x: '' }).map(({ path }) => path)).toEqual(['$.x']);
    expect(oneof('OneOf', { z: {} }).map(({ path }) => path)).toEqual(['$.z.val']);
    expect(oneof('OneOf', { x: 'foo', y: 1 })).toEqual([{ path: '$.y', message: 'only one of x and y can be set' }]);
  });

  it('a member of a oneof that must be set must not when another is', () => {
    const match = (json: Json) => validate('envoy.config.route.v3.RouteMatch', json);
    expect(match({ prefix: '' })).toEqual([]);
    expect(match({ safe_regex: {} }).map(({ path }) => path)).toEqual(['$.safe_regex.regex']);
    expect(match({}).map(({ path }) => path)).toEqual(['$']);
  });

  it('every problem is told at once', () => {
    const paths = validate('tests.harness.cases.KitchenSinkMessage', {
      val: { const: 'x', int_const: 1, float_val: -1, nested: { double_in: 1 }, any_val: { '@type': 'a/b' } },
    }).map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(['$.val.const', '$.val.int_const', '$.val.float_val', '$.val.nested.double_in', '$.val']),
    );
    expect(paths).toContain('$.val.dur_val');
    expect(paths).toContain('$.val.any_val.@type');
  });
});

describe('wrappers', () => {
  it('that are set are held, 0 too; those that are absent are not', () => {
    holds('WrapperInt32', fc.integer({ min: -2, max: 2 }), (value) => value > 0);
    holds('WrapperUInt64', fc.nat({ max: 2 }), (value) => value > 0);
    holds('WrapperDouble', fc.double({ noNaN: true }), (value) => value > 0);
    holds('WrapperBool', fc.boolean(), (value) => value);
    for (const name of ['Float', 'Double', 'Int64', 'Int32', 'UInt64', 'UInt32', 'Bool', 'String', 'Bytes'])
      expect([name, problems(`Wrapper${name}`, undefined)]).toEqual([name, []]);
    expect(passes('WrapperRequiredString', undefined)).toBe(false);
    expect(passes('WrapperRequiredString', '')).toBe(false);
    expect(passes('WrapperRequiredEmptyString', '')).toBe(true);
    expect(passes('WrapperRequiredEmptyString', undefined)).toBe(false);
    expect(passes('WrapperOptionalUuidString', undefined)).toBe(true);
    expect(passes('WrapperOptionalUuidString', 'x')).toBe(false);
  });
});

describe('an Any', () => {
  const of = (type: string, value: Json) => ({ '@type': `type.googleapis.com/${type}`, ...(value as object) });
  it('is of a type that it may be of', () => {
    const duration = of('google.protobuf.Duration', { value: '1s' });
    const timestamp = of('google.protobuf.Timestamp', { value: '2030-01-01T00:00:00Z' });
    expect([passes('AnyRequired', undefined), passes('AnyRequired', duration), passes('AnyNone', undefined)]).toEqual([
      ...[false, true, true],
    ]);
    expect([passes('AnyIn', duration), passes('AnyIn', timestamp)]).toEqual([true, false]);
    expect([passes('AnyNotIn', duration), passes('AnyNotIn', timestamp)]).toEqual([true, false]);
  });

  it('is looked into', () => {
    expect(problems('AnyNone', of('tests.harness.cases.TestMsg', { const: 'x' }))).toEqual([
      { path: '$.val.const', message: 'must be "foo", not "x"' },
    ]);
    expect(problems('AnyNone', of('google.protobuf.Duration', { value: '1' }))[0]?.path).toBe('$.val.value');
    expect(problems('AnyNone', of('no.Such', {}))[0]?.message).toBe(
      'no message type is named type.googleapis.com/no.Such',
    );
    expect(problems('AnyNone', {})[0]?.path).toBe('$.val.@type');
    expect(
      problems('AnyNone', of('google.protobuf.Any', { value: of('tests.harness.cases.TestMsg', {}) }))[0]?.path,
    ).toBe('$.val.value.const');
  });
});

describe('durations and timestamps', () => {
  const nanos = fc.oneof(
    fc.constantFrom(0n, 1n, 999n, 1000n, 1001n, 1_000_000n, 3_000_000_000n, 60_000_000_000n, 3_600_000_000_000n),
    fc.bigInt({ min: -(10n ** 13n), max: 10n ** 13n }),
  );
  const second = 1_000_000_000n;
  const cases: [string, (value: bigint) => boolean][] = [
    ['Const', (value) => value === 3n * second],
    ['LT', (value) => value < 0n],
    ['LTE', (value) => value <= second],
    ['GT', (value) => value > 1000n],
    ['GTE', (value) => value >= 1_000_000n],
    ['GTLT', (value) => value > 0n && value < second],
    ['ExLTGT', (value) => value < 0n || value > second],
    ['GTELTE', (value) => value >= 60n * second && value <= 3600n * second],
    ['ExGTELTE', (value) => value <= 60n * second || value >= 3600n * second],
  ];
  const durationText = (value: bigint) => {
    const size = value < 0n ? -value : value;
    return `${value < 0n ? '-' : ''}${size / second}.${(size % second).toString().padStart(9, '0')}s`;
  };
  const timeText = (value: bigint) => {
    const fraction = ((value % second) + second) % second;
    const seconds = new Date(Number((value - fraction) / second) * 1000).toISOString().slice(0, 19);
    return `${seconds}.${fraction.toString().padStart(9, '0')}Z`;
  };
  it.each(cases)('%s', (rule, isRight) => {
    fc.assert(
      fc.property(nanos, (value) => {
        expect(passes(`Duration${rule}`, durationText(value)), durationText(value)).toBe(isRight(value));
        expect(passes(`Timestamp${rule}`, timeText(value)), timeText(value)).toBe(isRight(value));
      }),
    );
  });

  it('are in a set, and are there when they must', () => {
    expect([passes('DurationIn', '0.000001s'), passes('DurationIn', '1s'), passes('DurationIn', '2s')]).toEqual([
      ...[true, true, false],
    ]);
    expect([passes('DurationNotIn', '0s'), passes('DurationNotIn', '1s')]).toEqual([false, true]);
    for (const type of ['Duration', 'Timestamp']) {
      expect(passes(`${type}Required`, undefined)).toBe(false);
      expect(passes(`${type}GT`, undefined)).toBe(true);
    }
    expect(passes('DurationRequired', '0s')).toBe(true);
  });

  it('are compared with the clock that is given', () => {
    const wallMs = () => Date.UTC(2030, 0, 1);
    const at = (message: string, text: string) => problems(message, text, wallMs).length === 0;
    expect(at('TimestampLTNow', '2029-12-31T23:59:59.999Z')).toBe(true);
    expect(at('TimestampLTNow', '2030-01-01T00:00:00Z')).toBe(false);
    expect(at('TimestampGTNow', '2030-01-01T00:00:00.001Z')).toBe(true);
    expect(at('TimestampGTNow', '2030-01-01T00:00:00Z')).toBe(false);
    expect([at('TimestampWithin', '2030-01-01T01:00:00Z'), at('TimestampWithin', '2029-12-31T22:59:59Z')]).toEqual([
      ...[true, false],
    ]);
  });
});
