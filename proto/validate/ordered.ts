/** Rules of everything that has an order: numbers, durations, times. */
import type { Json, JsonObject } from '../json.ts';
import { type Check, checksOf, listOf, must, NONE } from './check.ts';

export interface Order<Value> {
  /** Negative, 0 or positive; NaN where there is no order. */
  compare(a: Value, b: Value): number;
  show(value: Value): Json;
  /** From the JSON that a .proto file's option has. */
  ofRule(rule: Json): Value;
}

type Table<Value> = Record<string, (rule: Json, rules: JsonObject) => Check<Value>>;

/**
 * const, lt, lte, gt, gte, in, not_in. When the lower limit is above the upper one, the range is what lies outside.
 * NaN is in no range.
 * @param more rules that only this type has
 */
export function orderedChecks<Value>(
  kind: string,
  rules: JsonObject,
  order: Order<Value>,
  more: Table<Value> = {},
): Check<Value>[] {
  const { compare, show } = order;
  const equal = (a: Value) => (b: Value) => compare(a, b) === 0;
  const words = (value: Value) => String(show(value));
  const list = (values: readonly Value[]) => values.map(words).join(', ');
  const range = () => rangeCheck(rules, order);
  return checksOf<Value>(kind, rules, {
    const: (rule) => must(`be ${words(order.ofRule(rule))}`, equal(order.ofRule(rule)), show),
    lt: range,
    // One check for both limits, made at the first of them that is there.
    lte: range,
    gt: () => (upperLimit(rules) ? () => NONE : range()),
    gte: () => (upperLimit(rules) ? () => NONE : range()),
    in: (rule) => {
      const values = listOf(rule).map(order.ofRule);
      return must(`be one of ${list(values)}`, (value) => values.some(equal(value)), show);
    },
    not_in: (rule) => {
      const values = listOf(rule).map(order.ofRule);
      return must(`be none of ${list(values)}`, (value) => !values.some(equal(value)), show);
    },
    ...more,
  });
}

function upperLimit(rules: JsonObject): boolean {
  return rules.lt !== undefined || rules.lte !== undefined;
}

function rangeCheck<Value>(rules: JsonObject, { compare, show, ofRule }: Order<Value>): Check<Value> {
  const limit = (exclusive: Json | undefined, inclusive: Json | undefined) => {
    const rule = exclusive ?? inclusive;
    return rule === undefined ? undefined : { value: ofRule(rule), strict: exclusive !== undefined };
  };
  const upper = limit(rules.lt, rules.lte);
  const lower = limit(rules.gt, rules.gte);
  const below = (value: Value) => {
    if (!upper) return true;
    const order = compare(value, upper.value);
    return upper.strict ? order < 0 : order <= 0;
  };
  const above = (value: Value) => {
    if (!lower) return true;
    const order = compare(value, lower.value);
    return lower.strict ? order > 0 : order >= 0;
  };
  const says = [
    lower ? `${lower.strict ? 'more than' : 'at least'} ${show(lower.value)}` : '',
    upper ? `${upper.strict ? 'less than' : 'at most'} ${show(upper.value)}` : '',
  ].filter((text) => text !== '');
  const outside = upper !== undefined && lower !== undefined && compare(lower.value, upper.value) > 0;
  if (outside) return must(`be ${says.join(' or ')}`, (value) => below(value) || above(value), show);
  return must(`be ${says.join(' and ')}`, (value) => below(value) && above(value), show);
}
