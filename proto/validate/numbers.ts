/** Rules of integers and floating-point numbers. */
import type { Json, JsonObject } from '../json.ts';
import type { ScalarType } from '../shape.ts';
import { type Check, numberOf, show } from './check.ts';
import { type Order, orderedChecks } from './ordered.ts';

const DOUBLE: Order<number> = { compare: difference, show: shown, ofRule: numberOf };

/** What is stored: 0.1 of a float is not 0.1 of a double. */
const FLOAT: Order<number> = { ...DOUBLE, ofRule: (rule) => Math.fround(numberOf(rule)) };

const INTEGER: Order<bigint> = {
  compare: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
  show: (value) => value.toString(),
  ofRule(rule) {
    // The parser of .proto files reads them as doubles. Beyond 2^53 only the largest integers are known by what they
    // are rounded to.
    if (rule === 2 ** 63 || rule === 2 ** 64) return BigInt(rule) - 1n;
    if (!Number.isSafeInteger(rule)) throw new Error(`a rule has ${show(rule)} where an integer below 2^53 belongs`);
    return BigInt(numberOf(rule));
  },
};

/** Checks of values that are known to be of that type. */
export function numberChecks(type: ScalarType, rules: JsonObject): readonly Check[] {
  switch (type) {
    case 'double':
      return orderedChecks(type, rules, DOUBLE).map((check) => (json, now) => check(Number(json), now));
    case 'float':
      return orderedChecks(type, rules, FLOAT).map((check) => (json, now) => check(Math.fround(Number(json)), now));
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return orderedChecks(type, rules, INTEGER).map((check) => (json, now) => check(BigInt(String(json)), now));
    default:
      return orderedChecks(type, rules, DOUBLE).map((check) => (json, now) => check(Number(json), now));
  }
}

/** Infinity minus itself is NaN. */
function difference(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

function shown(value: number): Json {
  return Number.isFinite(value) ? value : String(value);
}
