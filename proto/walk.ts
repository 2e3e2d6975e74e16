/** Finds messages of certain types inside a message, by its .proto files: not by what a field happens to be called. */
import { isObject, type Json, type JsonObject } from './json.ts';
import { findMessage, messageOf } from './registry.ts';
import type { FieldShape, MessageShape } from './shape.ts';
import { typeNameOf } from './type-url.ts';
import { isList } from './well-known.ts';

/** @param path of the message, `$` is the outermost */
export type Visit = (typeName: string, message: JsonObject, path: string) => void;

/**
 * Calls `visit` for the message and every message in it, those in an Any of a known type too, outer ones first. What is
 * not of its field's type is passed over: validate() tells of it.
 * @throws ProtoError when no .proto file declares the type
 */
export function walkMessages(typeName: string, json: Json, visit: Visit): void {
  walkMessage(messageOf(typeName), json, '$', visit);
}

function walkMessage(shape: MessageShape, json: Json, path: string, visit: Visit): void {
  if (!isObject(json) || shape.form === 'own') return;
  if (shape.form === 'any') {
    const url = json['@type'];
    const content = typeof url === 'string' ? findMessage(typeNameOf(url)) : undefined;
    if (content?.name === shape.name) walkMessage(content, json.value ?? null, `${path}.value`, visit);
    else if (content) walkMessage(content, json, path, visit);
    return;
  }
  visit(shape.name, json, path);
  for (const [name, value] of Object.entries(json)) {
    const field = shape.fields.get(name);
    if (field?.value.kind === 'message' && value !== undefined) {
      walkField(field.rule, field.value.type(), value, `${path}.${name}`, visit);
    }
  }
}

function walkField(rule: FieldShape['rule'], shape: MessageShape, json: Json, path: string, visit: Visit): void {
  switch (rule) {
    case 'single':
      walkMessage(shape, json, path, visit);
      return;
    case 'repeated':
      if (isList(json))
        for (const [index, item] of json.entries()) walkMessage(shape, item, `${path}[${index}]`, visit);
      return;
    case 'map':
      if (!isObject(json)) return;
      for (const [key, item] of Object.entries(json)) walkMessage(shape, item ?? null, `${path}.${key}`, visit);
  }
}
