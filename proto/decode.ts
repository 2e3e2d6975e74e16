/** The JSON form of a protobuf message from its bytes. */
import { isObject, type Json, type JsonObject, ProtoError } from './json.ts';
import { findMessage, messageOf } from './registry.ts';
import { bytesToJson, scalarToJson } from './scalar.ts';
import type { FieldShape, MessageShape, PlainMessage, ValueShape } from './shape.ts';
import { typeNameOf } from './type-url.ts';
import { ANY, isPlain, wellKnownType } from './well-known.ts';

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

function messageToJson(shape: MessageShape, message: PlainMessage, path: string): Json {
  if (shape.form === 'own') return wellKnownType(shape.name).toJson(message);
  if (shape.form === 'any') return anyToJson(message, path);
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
  const name = typeNameOf(url);
  const shape = findMessage(name);
  if (!shape) return { '@type': url, value: bytesToJson(bytes) };
  const content = messageToJson(shape, parse(shape, bytes, path), path);
  return isObject(content) && shape.form === 'fields' ? { '@type': url, ...content } : { '@type': url, value: content };
}
