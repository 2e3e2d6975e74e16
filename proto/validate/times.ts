/** Rules of google.protobuf.Duration and google.protobuf.Timestamp, both counted in nanoseconds. */
import { isObject, type Json, type JsonObject } from '../json.ts';
import { type Check, numberOf, show } from './check.ts';
import { type Order, orderedChecks } from './ordered.ts';

const NANOS_PER_SECOND = 1_000_000_000n;

const nanosOrder: Omit<Order<bigint>, 'show'> = {
  compare: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
  ofRule: nanosOfRule,
};
const DURATION: Order<bigint> = { ...nanosOrder, show: durationText };
const TIMESTAMP: Order<bigint> = { ...nanosOrder, show: timestampText };

const required = { required: () => () => [] };

/** Checks of values that are known to be durations such as "0.25s". */
export function durationChecks(rules: JsonObject): readonly Check[] {
  const checks = orderedChecks('duration', rules, DURATION, required);
  return checks.map((check) => (json, wallMs) => check(durationNanos(String(json)), wallMs));
}

/** Checks of values that are known to be times such as "2030-01-31T12:00:00Z". */
export function timestampChecks(rules: JsonObject): readonly Check[] {
  const around = (must: string, holds: (value: bigint, now: bigint) => boolean): Check<bigint> => {
    return (value, wallMs) => {
      const now = BigInt(Math.round(wallMs())) * 1_000_000n;
      return holds(value, now) ? [] : [{ path: '', message: `must be ${must}, not ${timestampText(value)}` }];
    };
  };
  const checks = orderedChecks('timestamp', rules, TIMESTAMP, {
    ...required,
    lt_now: () => around('in the past', (value, now) => value < now),
    gt_now: () => around('in the future', (value, now) => value > now),
    within: (rule) => {
      const width = nanosOfRule(rule);
      return around(`within ${durationText(width)} of now`, (value, now) => absolute(value - now) <= width);
    },
  });
  return checks.map((check) => (json, wallMs) => check(timestampNanos(String(json)), wallMs));
}

function nanosOfRule(rule: Json): bigint {
  if (!isObject(rule)) throw new Error(`a rule has ${show(rule)} where seconds and nanos belong`);
  return BigInt(numberOf(rule.seconds ?? 0)) * NANOS_PER_SECOND + BigInt(numberOf(rule.nanos ?? 0));
}

function durationNanos(text: string): bigint {
  const [seconds = '0', fraction = ''] = text.replace('-', '').slice(0, -1).split('.');
  const nanos = BigInt(seconds) * NANOS_PER_SECOND + BigInt(fraction.padEnd(9, '0'));
  return text.startsWith('-') ? -nanos : nanos;
}

function timestampNanos(text: string): bigint {
  const [, seconds, fraction = ''] = /^([^.Z]+)(?:\.(\d+))?Z$/.exec(text) ?? [];
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

function durationText(nanos: bigint): string {
  const size = absolute(nanos);
  const fraction = (size % NANOS_PER_SECOND).toString().padStart(9, '0').replace(/0+$/, '');
  return `${nanos < 0n ? '-' : ''}${size / NANOS_PER_SECOND}${fraction === '' ? '' : `.${fraction}`}s`;
}

function timestampText(nanos: bigint): string {
  const ms = nanos / 1_000_000n;
  const date = new Date(Number(ms));
  return Number.isNaN(date.getTime()) ? `${durationText(nanos)} after 1970` : date.toISOString();
}

function absolute(nanos: bigint): bigint {
  return nanos < 0n ? -nanos : nanos;
}
