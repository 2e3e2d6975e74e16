/**
 * Types of google.protobuf that have a JSON form of their own. An Any is not here: it needs the registry.
 * https://protobuf.dev/programming-guides/json/
 */
import { isObject, type Json, ProtoError } from './json.ts';
import { halves, isInteger64, scalarFromJson, scalarToJson, whole, wrong } from './scalar.ts';
import type { PlainMessage, ScalarType } from './shape.ts';

export interface WellKnownType {
  /** Of a wrapper: the type of its one field, which has the number 1. */
  readonly wraps?: ScalarType;
  /** @throws ProtoError */
  fromJson(json: Json, path: string): PlainMessage;
  toJson(message: PlainMessage): Json;
}

const SECONDS_MOST = 315_576_000_000n;

const duration: WellKnownType = {
  fromJson(json, path) {
    const match = typeof json === 'string' ? /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(json) : null;
    if (!match) throw wrong(path, 'a duration such as "0.25s"', json);
    const sign = match[1] === '-' ? -1 : 1;
    const seconds = BigInt(match[2]!);
    if (seconds > SECONDS_MOST) throw new ProtoError(path, 'a duration of more than 10000 years');
    return {
      seconds: halves(seconds * BigInt(sign), false),
      nanos: sign * Number((match[3] ?? '').padEnd(9, '0')),
    };
  },
  toJson(message) {
    const seconds = integerOf(message.seconds);
    const nanos = integerOf(message.nanos);
    const sign = seconds < 0n || nanos < 0n ? '-' : '';
    return `${sign}${absolute(seconds)}${fraction(absolute(nanos))}s`;
  },
};

const timestamp: WellKnownType = {
  fromJson(json, path) {
    const match = typeof json === 'string' ? /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(json) : null;
    const ms = match ? Date.parse(`${match[1]}Z`) : Number.NaN;
    if (!match || Number.isNaN(ms)) throw wrong(path, 'a time such as "2030-01-31T12:00:00Z"', json);
    return { seconds: halves(BigInt(ms / 1000), false), nanos: Number((match[2] ?? '').padEnd(9, '0')) };
  },
  toJson(message) {
    const seconds = new Date(Number(integerOf(message.seconds)) * 1000).toISOString().slice(0, 19);
    return `${seconds}${fraction(integerOf(message.nanos))}Z`;
  },
};

const struct: WellKnownType = {
  fromJson(json, path) {
    if (!isObject(json)) throw wrong(path, 'an object', json);
    const fields: PlainMessage = Object.create(null);
    for (const key of Object.keys(json).sort()) {
      const member = json[key];
      if (member !== undefined) fields[key] = value.fromJson(member, `${path}.${key}`);
    }
    return { fields };
  },
  toJson(message) {
    const members = isPlain(message.fields) ? Object.entries(message.fields) : [];
    members.sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(members.map(([key, member]) => [key, memberToJson(member)]));
  },
};

const list: WellKnownType = {
  fromJson(json, path) {
    if (!isList(json)) throw wrong(path, 'a list', json);
    return { values: json.map((member, index) => value.fromJson(member, `${path}[${index}]`)) };
  },
  toJson: (message) => (Array.isArray(message.values) ? message.values.map(memberToJson) : []),
};

const value: WellKnownType = {
  fromJson(json, path) {
    if (json === null) return { nullValue: 0 };
    if (typeof json === 'boolean') return { boolValue: json };
    if (typeof json === 'number') return { numberValue: json };
    if (typeof json === 'string') return { stringValue: scalarFromJson('string', json, path) };
    return isList(json) ? { listValue: list.fromJson(json, path) } : { structValue: struct.fromJson(json, path) };
  },
  toJson(message) {
    if (isPlain(message.listValue) && Object.hasOwn(message, 'listValue')) return list.toJson(message.listValue);
    if (isPlain(message.structValue) && Object.hasOwn(message, 'structValue'))
      return struct.toJson(message.structValue);
    if (Object.hasOwn(message, 'boolValue')) return scalarToJson('bool', message.boolValue);
    if (Object.hasOwn(message, 'numberValue')) return scalarToJson('double', message.numberValue);
    if (Object.hasOwn(message, 'stringValue')) return scalarToJson('string', message.stringValue);
    return null;
  },
};

function wrapper(type: ScalarType, absent: Json): WellKnownType {
  return {
    wraps: type,
    fromJson: (json, path) => ({ value: scalarFromJson(type, json, path) }),
    toJson: (message) => (Object.hasOwn(message, 'value') ? scalarToJson(type, message.value) : absent),
  };
}

export const WELL_KNOWN_TYPES: ReadonlyMap<string, WellKnownType> = new Map<string, WellKnownType>([
  ['google.protobuf.Duration', duration],
  ['google.protobuf.Timestamp', timestamp],
  ['google.protobuf.Struct', struct],
  ['google.protobuf.ListValue', list],
  ['google.protobuf.Value', value],
  ['google.protobuf.BoolValue', wrapper('bool', false)],
  ['google.protobuf.BytesValue', wrapper('bytes', '')],
  ['google.protobuf.DoubleValue', wrapper('double', 0)],
  ['google.protobuf.FloatValue', wrapper('float', 0)],
  ['google.protobuf.Int32Value', wrapper('int32', 0)],
  ['google.protobuf.Int64Value', wrapper('int64', '0')],
  ['google.protobuf.StringValue', wrapper('string', '')],
  ['google.protobuf.UInt32Value', wrapper('uint32', 0)],
  ['google.protobuf.UInt64Value', wrapper('uint64', '0')],
]);

/** Of a shape whose form is its own. */
export function wellKnownType(name: string): WellKnownType {
  const type = WELL_KNOWN_TYPES.get(name);
  if (!type) throw new Error(`${name} has no JSON form of its own`);
  return type;
}

export const ANY = 'google.protobuf.Any';

/** A message that was decoded, or a map of one. */
export function isPlain(message: unknown): message is PlainMessage {
  return typeof message === 'object' && message !== null && !Array.isArray(message);
}

export function isList(json: Json | undefined): json is readonly Json[] {
  return Array.isArray(json);
}

function memberToJson(member: unknown): Json {
  return isPlain(member) ? value.toJson(member) : null;
}

function integerOf(field: unknown): bigint {
  if (isInteger64(field)) return whole(field);
  return typeof field === 'number' ? BigInt(field) : 0n;
}

function absolute(integer: bigint): bigint {
  return integer < 0n ? -integer : integer;
}

/** Nanoseconds as `.25`, or nothing when there are none. */
function fraction(nanos: bigint): string {
  return nanos === 0n ? '' : `.${nanos.toString().padStart(9, '0').replace(/0+$/, '')}`;
}
