/** Bytes of a protobuf message from its JSON form. The same JSON always gives the same bytes. */
import { BackwardWriter } from './backward-writer.ts';
import { ANY_FIELDS } from './field-writer.ts';
import { isObject, type Json, type JsonObject, ProtoError } from './json.ts';
import { findMessage, messageOf } from './registry.ts';
import {
  boolFromJson,
  bytesFromJson,
  floatFromJson,
  int32FromJson,
  int64FromJson,
  textFromJson,
  uint32FromJson,
  uint64FromJson,
  wrong,
} from './scalar.ts';
import type { FieldShape, MessageShape, ScalarType, ValueShape } from './shape.ts';
import { typeNameOf } from './type-url.ts';
import { isList, wellKnownType } from './well-known.ts';
import { WIRE_TYPES, type WireType } from './wire-types.ts';

const TYPE_URL_PREFIX = 'type.googleapis.com/';
const NULL_ACCEPTED = 'google.protobuf.Value';
/** Numbers of a map entry's fields, and of a wrapper's only one. */
const ENTRY = { key: 1, value: 2 } as const;
const WRAPPED = 1;

/** One message at a time is written: whatever fails leaves something that the next one clears. */
const writer = new BackwardWriter();

/**
 * @param typeName full name, for example `envoy.config.cluster.v3.Cluster`
 * @throws ProtoError at a field that is unknown or of the wrong type, with its path
 */
export function encode(typeName: string, json: Json): Buffer {
  begin(typeName, json);
  return writer.bytes();
}

/**
 * The same in a google.protobuf.Any.
 * @throws ProtoError as encode does, with paths within the message
 */
export function encodeInAny(typeUrl: string, json: Json): Buffer {
  begin(typeNameOf(typeUrl), json);
  writer.head(ANY_FIELDS.value, 0);
  writeText(ANY_FIELDS.typeUrl, typeUrl);
  return writer.bytes();
}

function begin(typeName: string, json: Json): void {
  const shape = messageOf(typeName);
  writer.clear();
  try {
    writeMessage(shape, json);
  } catch (error) {
    throw within('$', error);
  }
}

/** What is thrown inside knows only the way from there: paths cost nothing where nothing is wrong. */
function within(step: string, error: unknown): unknown {
  return error instanceof ProtoError ? new ProtoError(`${step}${error.path}`, error.detail, error.cause) : error;
}

function writeMessage(shape: MessageShape, json: Json): void {
  if (shape.form === 'own') writeOwnForm(shape, json);
  else if (!isObject(json)) throw wrong('', `an object (${shape.name})`, json);
  else if (shape.form === 'any') writeAny(json);
  else writeFields(shape, json, '');
}

function writeOwnForm(shape: MessageShape, json: Json): void {
  const wellKnown = wellKnownType(shape.name);
  if (wellKnown.wraps) writeScalar(WRAPPED, wellKnown.wraps, json);
  else writer.raw(shape.toBytes(wellKnown.fromJson(json, '')));
}

/** @param except a member that is no field of the message */
function writeFields(shape: MessageShape, json: JsonObject, except: string): void {
  let at = '';
  try {
    const present: FieldShape[] = [];
    let chosen: Map<string, string> | undefined;
    let highest = 0;
    let isSorted = true;
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
      isSorted &&= field.id > highest;
      highest = field.id;
      present.push(field);
    }
    if (!isSorted) present.sort((one, other) => one.id - other.id);
    for (let index = present.length - 1; index >= 0; index--) {
      const field = present[index]!;
      at = field.name;
      writeField(field, json[at] ?? null);
    }
  } catch (error) {
    throw within(`.${at}`, error);
  }
}

function acceptsNull(field: FieldShape): boolean {
  return field.value.kind === 'message' && field.rule === 'single' && field.value.type().name === NULL_ACCEPTED;
}

function writeField(field: FieldShape, json: Json): void {
  switch (field.rule) {
    case 'single':
      writeValue(field.id, field.value, json);
      break;
    case 'repeated':
      if (!isList(json)) throw wrong('', 'a list', json);
      writeList(field, json);
      break;
    case 'map':
      if (!isObject(json)) throw wrong('', 'an object', json);
      writeMap(field, json);
  }
}

function writeList({ id, packed, value }: FieldShape, members: readonly Json[]): void {
  const before = writer.length;
  let index = members.length - 1;
  try {
    for (; index >= 0; index--) {
      if (packed) writeBare(value, members[index]!);
      else writeValue(id, value, members[index]!);
    }
  } catch (error) {
    throw within(`[${index}]`, error);
  }
  if (packed && members.length > 0) writer.head(id, before);
}

function writeMap({ id, keyType = 'string', value }: FieldShape, json: JsonObject): void {
  // Sorted: entries have no order of their own.
  for (const key of Object.keys(json).sort().reverse()) {
    const member = json[key];
    if (member === undefined) continue;
    const before = writer.length;
    try {
      writeValue(ENTRY.value, value, member);
      writeScalar(ENTRY.key, keyType, key);
    } catch (error) {
      throw within(`.${key}`, error);
    }
    writer.head(id, before);
  }
}

function writeValue(id: number, shape: ValueShape, json: Json): void {
  switch (shape.kind) {
    case 'scalar':
      writeScalar(id, shape.type, json);
      break;
    case 'message': {
      const before = writer.length;
      writeMessage(shape.type(), json);
      writer.head(id, before);
      break;
    }
    case 'enum':
      writeBare(shape, json);
      writer.tag(id, WIRE_TYPES.varint);
  }
}

/** A scalar or an enum without a head. */
function writeBare(shape: ValueShape, json: Json): void {
  if (shape.kind === 'scalar') writeContent(shape.type, json);
  else if (shape.kind === 'enum') {
    const number = typeof json === 'string' ? shape.type.numbers.get(json) : undefined;
    if (number === undefined) throw wrong('', `one of ${[...shape.type.numbers.keys()].join(', ')}`, json);
    writer.int32(number);
  }
}

function writeScalar(id: number, type: ScalarType, json: Json): void {
  const before = writer.length;
  writeContent(type, json);
  const wireType = wireTypeOf(type);
  if (wireType === WIRE_TYPES.lengthDelimited) writer.head(id, before);
  else writer.tag(id, wireType);
}

function writeContent(type: ScalarType, json: Json): void {
  switch (type) {
    case 'string':
      writer.text(textFromJson(json, ''));
      break;
    case 'bytes':
      writer.raw(bytesFromJson(json, ''));
      break;
    case 'bool':
      writer.varint(boolFromJson(json, '') ? 1 : 0);
      break;
    case 'uint32':
      writer.varint(uint32FromJson(json, ''));
      break;
    case 'int32':
      writer.int32(int32FromJson(json, ''));
      break;
    case 'sint32':
      writer.sint32(int32FromJson(json, ''));
      break;
    case 'fixed32':
      writer.fixed32(uint32FromJson(json, ''));
      break;
    case 'sfixed32':
      writer.fixed32(int32FromJson(json, ''));
      break;
    case 'uint64':
      writer.varint64(uint64FromJson(json, ''));
      break;
    case 'int64':
      writer.varint64(int64FromJson(json, ''));
      break;
    case 'sint64':
      writer.sint64(int64FromJson(json, ''));
      break;
    case 'fixed64':
      writer.fixed64(uint64FromJson(json, ''));
      break;
    case 'sfixed64':
      writer.fixed64(int64FromJson(json, ''));
      break;
    case 'float':
      writer.float(floatFromJson(json, ''));
      break;
    case 'double':
      writer.double(floatFromJson(json, ''));
  }
}

function wireTypeOf(type: ScalarType): WireType {
  switch (type) {
    case 'string':
    case 'bytes':
      return WIRE_TYPES.lengthDelimited;
    case 'float':
    case 'fixed32':
    case 'sfixed32':
      return WIRE_TYPES.fixed32;
    case 'double':
    case 'fixed64':
    case 'sfixed64':
      return WIRE_TYPES.fixed64;
    default:
      return WIRE_TYPES.varint;
  }
}

function writeAny(json: JsonObject): void {
  const { '@type': url } = json;
  if (typeof url !== 'string') throw wrong('.@type', `text such as ${TYPE_URL_PREFIX}PACKAGE.TYPE`, url ?? null);
  const name = typeNameOf(url);
  const shape = findMessage(name);
  if (!shape || name === url) throw new ProtoError('.@type', `no message type is named ${url}`);
  const before = writer.length;
  // What need not be an object stands in a member of its own.
  if (shape.form !== 'fields') writeMember(shape, json.value ?? null);
  else writeFields(shape, json, '@type');
  writer.head(ANY_FIELDS.value, before);
  writeText(ANY_FIELDS.typeUrl, url);
}

function writeMember(shape: MessageShape, value: Json): void {
  try {
    writeMessage(shape, value);
  } catch (error) {
    throw within('.value', error);
  }
}

function writeText(id: number, text: string): void {
  const before = writer.length;
  writer.text(text);
  writer.head(id, before);
}
