/** Rules of bytes, which are base64 in JSON. */
import type { Json, JsonObject } from '../json.ts';
import { bytesFromJson } from '../scalar.ts';
import { type Check, checksOf, listOf, must, numberOf, textOf } from './check.ts';
import { compilePattern } from './pattern.ts';

/** Checks of values that are known to be base64. */
export function bytesChecks(rules: JsonObject): readonly Check[] {
  const checks = checksOf<Buffer>('bytes', rules, TABLE);
  return checks.map((check) => (json, wallMs) => check(Buffer.from(bytesFromJson(json, '')), wallMs));
}

const TABLE: Readonly<Record<string, (rule: Json) => Check<Buffer>>> = {
  const: (rule) => bytes(`be ${base64(rule)}`, (value) => value.equals(bytesOf(rule))),
  len: (rule) => bytes(`have ${numberOf(rule)} bytes`, (value) => value.length === rule),
  min_len: (rule) => bytes(`have at least ${numberOf(rule)} bytes`, (value) => value.length >= numberOf(rule)),
  max_len: (rule) => bytes(`have at most ${numberOf(rule)} bytes`, (value) => value.length <= numberOf(rule)),
  pattern: (rule) => {
    const pattern = compilePattern(textOf(rule));
    return bytes(`match ${textOf(rule)}`, (value) => pattern.test(value.toString('latin1')));
  },
  prefix: (rule) =>
    bytes(`begin with ${base64(rule)}`, (value) => value.subarray(0, bytesOf(rule).length).equals(bytesOf(rule))),
  suffix: (rule) =>
    bytes(`end with ${base64(rule)}`, (value) =>
      value.subarray(Math.max(0, value.length - bytesOf(rule).length)).equals(bytesOf(rule)),
    ),
  contains: (rule) => bytes(`contain ${base64(rule)}`, (value) => value.includes(bytesOf(rule))),
  in: (rule) =>
    bytes(`be one of ${listOf(rule).map(base64).join(', ')}`, (value) =>
      listOf(rule).some((one) => value.equals(bytesOf(one))),
    ),
  not_in: (rule) =>
    bytes(
      `be none of ${listOf(rule).map(base64).join(', ')}`,
      (value) => !listOf(rule).some((one) => value.equals(bytesOf(one))),
    ),
  ip: () => bytes('be the 4 or 16 bytes of an IP address', (value) => value.length === 4 || value.length === 16),
  ipv4: () => bytes('be the 4 bytes of an IPv4 address', (value) => value.length === 4),
  ipv6: () => bytes('be the 16 bytes of an IPv6 address', (value) => value.length === 16),
};

function bytes(says: string, holds: (value: Buffer) => boolean): Check<Buffer> {
  return must(says, holds, (value) => value.toString('base64'));
}

/** In a .proto file bytes are text with escapes such as "\x99": one character is one byte. */
function bytesOf(rule: Json): Buffer {
  return Buffer.from(textOf(rule), 'latin1');
}

function base64(rule: Json): string {
  return JSON.stringify(bytesOf(rule).toString('base64'));
}
