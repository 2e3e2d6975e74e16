/** A message without its secrets: private keys, passwords, tickets. Still a valid message of its type. */
import { isObject, type Json, type JsonObject } from './json.ts';
import { findMessage } from './registry.ts';
import type { FieldShape, MessageShape, ValueShape } from './shape.ts';
import { typeNameOf } from './type-url.ts';
import { isList, WELL_KNOWN_TYPES } from './well-known.ts';

const REDACTED = '[redacted]';
const REDACTED_BYTES = Buffer.from(REDACTED).toString('base64');

/**
 * Every value in a field that its .proto file marks as sensitive is replaced, also in an Any. An Any of an unknown type
 * loses its content: what is in it can't be known.
 * https://github.com/cncf/xds/blob/main/udpa/annotations/sensitive.proto
 */
export function redact(typeName: string, json: JsonObject): JsonObject {
  const shape = findMessage(typeName);
  const redacted = shape ? inMessage(shape, json, false) : {};
  return isObject(redacted) ? redacted : {};
}

function inMessage(shape: MessageShape, json: Json, sensitive: boolean): Json {
  if (shape.form === 'any') return inAny(json, sensitive);
  if (shape.form === 'own') return sensitive ? plain(shape, json) : json;
  if (!isObject(json)) return json;
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => {
      const field = shape.fields.get(name);
      return [name, field && value !== undefined ? inField(field, value, sensitive || field.sensitive) : value];
    }),
  );
}

function inAny(json: Json, sensitive: boolean): Json {
  if (!isObject(json)) return json;
  const { '@type': url, ...rest } = json;
  const name = typeof url === 'string' ? typeNameOf(url) : '';
  const shape = findMessage(name);
  if (!shape) return { '@type': url, value: '' };
  if (WELL_KNOWN_TYPES.has(name)) {
    return { '@type': url, value: inMessage(shape, rest.value ?? null, sensitive) };
  }
  const content = inMessage(shape, rest, sensitive);
  return { '@type': url, ...(isObject(content) ? content : {}) };
}

function inField(field: FieldShape, json: Json, sensitive: boolean): Json {
  if (field.rule === 'repeated' && isList(json)) return json.map((member) => inValue(field.value, member, sensitive));
  if (field.rule === 'map' && isObject(json)) {
    return Object.fromEntries(
      Object.entries(json).map(([key, member]) => [
        key,
        member === undefined ? member : inValue(field.value, member, sensitive),
      ]),
    );
  }
  return inValue(field.value, json, sensitive);
}

function inValue(shape: ValueShape, json: Json, sensitive: boolean): Json {
  switch (shape.kind) {
    case 'message':
      return inMessage(shape.type(), json, sensitive);
    case 'scalar':
      if (!sensitive) return json;
      if (shape.type === 'string') return REDACTED;
      return shape.type === 'bytes' ? REDACTED_BYTES : json;
    case 'enum':
      return json;
  }
}

/** Texts and bytes that stand alone, as wrappers and in structs. */
function plain(shape: MessageShape, json: Json): Json {
  if (shape.name === 'google.protobuf.BytesValue') return REDACTED_BYTES;
  if (shape.name === 'google.protobuf.Struct') return {};
  if (shape.name === 'google.protobuf.ListValue') return [];
  return shape.name === 'google.protobuf.StringValue' || shape.name === 'google.protobuf.Value' ? REDACTED : json;
}
