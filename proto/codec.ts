/** Bytes of a protobuf message from its JSON form, and back. The same JSON always gives the same bytes. */
import { isObject, type Json, type JsonObject, ProtoError } from './json.ts';
import { findMessage, messageOf } from './registry.ts';
import { bytesToJson, scalarFromJson, scalarToJson, wrong } from './scalar.ts';
import type { FieldShape, MessageShape, PlainMessage, ValueShape } from './shape.ts';
import { isList, isPlain, WELL_KNOWN_TYPES } from './well-known.ts';

const TYPE_URL_PREFIX = 'type.googleapis.com/';
const ANY = 'google.protobuf.Any';
const NULL_ACCEPTED = 'google.protobuf.Value';

/**
 * @param typeName full name, for example `envoy.config.cluster.v3.Cluster`
 * @throws ProtoError at the first field that is unknown or of the wrong type, with its path
 */
export function encode(typeName: string, json: Json): Uint8Array {
  const shape = messageOf(typeName);
  try {
    return shape.toBytes(messageFromJson(shape, json));
  } catch (error) {
    throw within('$', error);
  }
}

/** What is thrown inside knows only the way from there: paths cost nothing where nothing is wrong. */
function within(step: string, error: unknown): unknown {
  return error instanceof ProtoError ? new ProtoError(`${step}${error.path}`, error.detail, error.cause) : error;
}

/**
 * Fields that hold their default are absent, fields that the .proto file does not know are dropped. An Any of an
 * unknown type keeps its bytes as {"@type": URL, "value": base64}.
 * @throws ProtoError when the bytes are no such message
 */
export function decode(typeName: string, bytes: Uint8Array): JsonObject {
  const shape = messageOf(typeName);
  const json = messageToJson(shape, parse(shape, bytes, '$'), '$');
  return isObject(json) ? json : { value: json };
}

function parse(shape: MessageShape, bytes: Uint8Array, path: string): PlainMessage {
  try {
    return shape.fromBytes(bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ProtoError(path, `these ${bytes.length} bytes are no ${shape.name}: ${reason}`, error);
  }
}

function messageFromJson(shape: MessageShape, json: Json): PlainMessage {
  const wellKnown = WELL_KNOWN_TYPES.get(shape.name);
  if (wellKnown) return wellKnown.fromJson(json, '');
  if (!isObject(json)) throw wrong('', `an object (${shape.name})`, json);
  if (shape.name === ANY) return anyFromJson(json);
  return fieldsFromJson(shape, json, '');
}

/** @param except a member that is no field of the message */
function fieldsFromJson(shape: MessageShape, json: JsonObject, except: string): PlainMessage {
  const message: PlainMessage = {};
  let chosen: Map<string, string> | undefined;
  let at = '';
  try {
    for (const name in json) {
      if (name === except) continue;
      at = name;
      const value = json[name];
      const field = shape.fields.get(name);
      if (!field) throw new ProtoError('', `${shape.name} has no such field`);
      if (value === undefined || (value === null && !acceptsNull(field))) continue;
      if (field.oneof !== '') {
        const other = chosen?.get(field.oneof);
        if (other) throw new ProtoError('', `only one of ${other} and ${name} can be set`);
        chosen ??= new Map();
        chosen.set(field.oneof, name);
      }
      message[name] = fieldFromJson(field, value);
    }
  } catch (error) {
    throw within(`.${at}`, error);
  }
  return message;
}

function acceptsNull(field: FieldShape): boolean {
  return field.value.kind === 'message' && field.rule === 'single' && field.value.type().name === NULL_ACCEPTED;
}

function fieldFromJson(field: FieldShape, json: Json): unknown {
  switch (field.rule) {
    case 'single':
      return valueFromJson(field.value, json);
    case 'repeated':
      if (!isList(json)) throw wrong('', 'a list', json);
      return json.map((member, index) => memberFromJson(field.value, member, index));
    case 'map': {
      if (!isObject(json)) throw wrong('', 'an object', json);
      const map: PlainMessage = Object.create(null);
      // Sorted, because the encoder writes entries in the order in which they were put here.
      for (const key of Object.keys(json).sort()) {
        const member = json[key];
        if (field.keyType) scalarFromJson(field.keyType, key, `.${key}`);
        if (member !== undefined) map[key] = memberFromJson(field.value, member, key);
      }
      return map;
    }
  }
}

function memberFromJson(shape: ValueShape, json: Json, at: string | number): unknown {
  try {
    return valueFromJson(shape, json);
  } catch (error) {
    throw within(typeof at === 'number' ? `[${at}]` : `.${at}`, error);
  }
}

function valueFromJson(shape: ValueShape, json: Json): unknown {
  switch (shape.kind) {
    case 'scalar':
      return scalarFromJson(shape.type, json, '');
    case 'message':
      return messageFromJson(shape.type(), json);
    case 'enum': {
      const number = typeof json === 'string' ? shape.type.numbers.get(json) : undefined;
      if (number === undefined) throw wrong('', `one of ${[...shape.type.numbers.keys()].join(', ')}`, json);
      return number;
    }
  }
}

function anyFromJson(json: JsonObject): PlainMessage {
  const { '@type': url } = json;
  if (typeof url !== 'string') throw wrong('.@type', `text such as ${TYPE_URL_PREFIX}PACKAGE.TYPE`, url ?? null);
  const name = url.slice(url.lastIndexOf('/') + 1);
  const shape = findMessage(name);
  if (!shape || name === url) throw new ProtoError('.@type', `no message type is named ${url}`);
  if (!hasOwnForm(name)) return { type_url: url, value: shape.toBytes(fieldsFromJson(shape, json, '@type')) };
  return { type_url: url, value: shape.toBytes(ownFormFromJson(shape, json.value ?? null)) };
}

function ownFormFromJson(shape: MessageShape, value: Json): PlainMessage {
  try {
    return messageFromJson(shape, value);
  } catch (error) {
    throw within('.value', error);
  }
}

/** In an Any, a type whose JSON need not be an object stands in the member `value`. */
function hasOwnForm(name: string): boolean {
  return WELL_KNOWN_TYPES.has(name) || name === ANY;
}

function messageToJson(shape: MessageShape, message: PlainMessage, path: string): Json {
  const wellKnown = WELL_KNOWN_TYPES.get(shape.name);
  if (wellKnown) return wellKnown.toJson(message);
  if (shape.name === ANY) return anyToJson(message, path);
  const json: Record<string, Json> = {};
  for (const field of shape.fields.values()) {
    const value = message[field.name];
    if (Object.hasOwn(message, field.name) && !isEmpty(field, value)) {
      json[field.name] = fieldToJson(field, value, `${path}.${field.name}`);
    }
  }
  return json;
}

/** The decoder makes lists and maps also where nothing was sent. */
function isEmpty(field: FieldShape, value: unknown): boolean {
  if (field.rule === 'repeated') return Array.isArray(value) && value.length === 0;
  return field.rule === 'map' && isPlain(value) && Object.keys(value).length === 0;
}

function fieldToJson(field: FieldShape, value: unknown, path: string): Json {
  if (field.rule === 'repeated' && Array.isArray(value)) {
    return value.map((member, index) => valueToJson(field.value, member, `${path}[${index}]`));
  }
  if (field.rule === 'map' && isPlain(value)) {
    const keys = Object.keys(value).sort();
    return Object.fromEntries(keys.map((key) => [key, valueToJson(field.value, value[key], `${path}.${key}`)]));
  }
  return valueToJson(field.value, value, path);
}

function valueToJson(shape: ValueShape, value: unknown, path: string): Json {
  switch (shape.kind) {
    case 'scalar':
      return scalarToJson(shape.type, value);
    case 'enum':
      // A number that a newer version gave a name stays a number.
      return typeof value === 'number' ? (shape.type.names.get(value) ?? value) : null;
    case 'message':
      return isPlain(value) ? messageToJson(shape.type(), value, path) : null;
  }
}

/** An Any can hold another one, as often as its sender likes; what nests otherwise is bounded by protobufjs. */
const DEEPEST_ANY = 32;
let anyDepth = 0;

function anyToJson(message: PlainMessage, path: string): Json {
  if (anyDepth === DEEPEST_ANY) throw new ProtoError(path, `${ANY} nests deeper than ${DEEPEST_ANY}`);
  anyDepth += 1;
  try {
    return anyContentToJson(message, path);
  } finally {
    anyDepth -= 1;
  }
}

function anyContentToJson(message: PlainMessage, path: string): Json {
  const url = typeof message.type_url === 'string' ? message.type_url : '';
  const bytes = message.value instanceof Uint8Array ? message.value : new Uint8Array();
  const name = url.slice(url.lastIndexOf('/') + 1);
  const shape = findMessage(name);
  if (!shape) return { '@type': url, value: bytesToJson(bytes) };
  const content = messageToJson(shape, parse(shape, bytes, path), path);
  return isObject(content) && !hasOwnForm(name) ? { '@type': url, ...content } : { '@type': url, value: content };
}
