/** Rules of text. Lengths count code points, or bytes of UTF-8 where the rule says so. */
import type { Json, JsonObject } from '../json.ts';
import { type Check, checksOf, listOf, must, numberOf, textOf } from './check.ts';
import {
  isAddress,
  isEmail,
  isHeaderName,
  isHeaderText,
  isHeaderValue,
  isHostname,
  isIPv4,
  isIPv6,
  isIp,
  isUri,
  isUriReference,
  isUuid,
} from './formats.ts';
import { compilePattern } from './pattern.ts';

/** Checks of values that are known to be text. */
export function stringChecks(rules: JsonObject): readonly Check[] {
  return checksOf<string>('string', rules, TABLE).map((check) => (json, wallMs) => check(String(json), wallMs));
}

type Maker = (rule: Json, rules: JsonObject) => Check<string>;

const TABLE: Readonly<Record<string, Maker>> = {
  const: (rule) => text(`be ${JSON.stringify(rule)}`, (value) => value === rule),
  len: (rule) => text(`have ${numberOf(rule)} characters`, (value) => characters(value) === rule),
  min_len: (rule) => text(`have at least ${count(rule)}`, (value) => characters(value) >= numberOf(rule)),
  max_len: (rule) => text(`have at most ${count(rule)}`, (value) => characters(value) <= numberOf(rule)),
  len_bytes: (rule) => text(`have ${numberOf(rule)} bytes`, (value) => bytes(value) === rule),
  min_bytes: (rule) => text(`have at least ${numberOf(rule)} bytes`, (value) => bytes(value) >= numberOf(rule)),
  max_bytes: (rule) => text(`have at most ${numberOf(rule)} bytes`, (value) => bytes(value) <= numberOf(rule)),
  pattern: (rule) => {
    const pattern = compilePattern(textOf(rule));
    return text(`match ${textOf(rule)}`, (value) => pattern.test(value));
  },
  prefix: (rule) => text(`begin with ${JSON.stringify(rule)}`, (value) => value.startsWith(textOf(rule))),
  suffix: (rule) => text(`end with ${JSON.stringify(rule)}`, (value) => value.endsWith(textOf(rule))),
  contains: (rule) => text(`contain ${JSON.stringify(rule)}`, (value) => value.includes(textOf(rule))),
  not_contains: (rule) => text(`not contain ${JSON.stringify(rule)}`, (value) => !value.includes(textOf(rule))),
  in: (rule) => text(`be one of ${words(rule)}`, (value) => listOf(rule).includes(value)),
  not_in: (rule) => text(`be none of ${words(rule)}`, (value) => !listOf(rule).includes(value)),
  email: format('an e-mail address', isEmail),
  hostname: format('a host name', isHostname),
  ip: format('an IP address', isIp),
  ipv4: format('an IPv4 address', isIPv4),
  ipv6: format('an IPv6 address', isIPv6),
  uri: format('an absolute URI', isUri),
  uri_ref: format('a URI', isUriReference),
  address: format('a host name or IP address', isAddress),
  uuid: format('a UUID', isUuid),
  well_known_regex: wellKnownRegex,
  // Says only how strict well_known_regex is; left out it is.
  strict: () => () => [],
};

function wellKnownRegex(rule: Json, { strict }: JsonObject): Check<string> {
  if (strict === false) return text('have no line end and no NUL', isHeaderText);
  switch (rule) {
    case 'HTTP_HEADER_NAME':
      return text('be the name of an HTTP header', isHeaderName);
    case 'HTTP_HEADER_VALUE':
      return text('be the value of an HTTP header', isHeaderValue);
    default:
      throw new Error(`there is no well-known regular expression ${JSON.stringify(rule)}`);
  }
}

function format(name: string, holds: (value: string) => boolean): Maker {
  return () => text(`be ${name}`, holds);
}

function text(says: string, holds: (value: string) => boolean): Check<string> {
  return must(says, holds, (value) => value);
}

function words(rule: Json): string {
  return listOf(rule)
    .map((word) => JSON.stringify(word))
    .join(', ');
}

function count(rule: Json): string {
  return `${numberOf(rule)} ${rule === 1 ? 'character' : 'characters'}`;
}

function characters(value: string): number {
  let length = 0;
  for (const _ of value) length++;
  return length;
}

function bytes(value: string): number {
  return Buffer.byteLength(value);
}
