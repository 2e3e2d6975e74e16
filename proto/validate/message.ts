/** The check of a message type: its fields, those that are missing, and its oneofs. Made when first asked for. */
import { isObject, type Json, type JsonObject } from '../json.ts';
import { wrong } from '../scalar.ts';
import type { FieldShape, MessageShape } from '../shape.ts';
import { type Check, NONE, type Problem, problem, within } from './check.ts';
import { type FieldCheck, fieldCheck } from './field.ts';
import { problemsOf } from './types.ts';

/** `types`: only that each value is of its type, for messages that the rules are switched off for, and all in them. */
export type Strictness = 'rules' | 'types';

const made = { rules: new WeakMap<MessageShape, Check>(), types: new WeakMap<MessageShape, Check>() };

/** Types refer to each other in circles: what is inside is made at the first value. */
export function messageCheck(shape: MessageShape, strictness: Strictness): Check {
  const known = made[strictness].get(shape);
  if (known) return known;
  let compiled: Check | undefined;
  const check: Check = (json, wallMs) => {
    compiled ??= compileMessage(shape, strictness);
    return compiled(json, wallMs);
  };
  made[strictness].set(shape, check);
  return check;
}

/** @throws Error when a rule of it can't be interpreted */
export function compileMessage(shape: MessageShape, strictness: Strictness): Check {
  const held = shape.hasNoRules ? 'types' : strictness;
  const fields = new Map<string, { readonly shape: FieldShape; readonly check: FieldCheck }>();
  for (const field of shape.fields.values()) {
    fields.set(field.name, { shape: field, check: fieldCheck(field, held) });
  }
  const needed = [...fields.values()].filter(({ check }) => check.absent.length > 0);
  const oneofs = held === 'rules' ? shape.requiredOneofs : [];
  return (json, wallMs) => {
    if (!isObject(json)) return problemsOf(wrong('', `an object (${shape.name})`, json));
    let found = NONE;
    const add = (name: string, problems: readonly Problem[]) => {
      if (problems.length > 0) found = [...found, ...within(`.${name}`, problems)];
    };
    let chosen: Map<string, string> | undefined;
    for (const name in json) {
      const field = fields.get(name);
      const value = json[name];
      if (!field) add(name, problem(`${shape.name} has no such field`));
      else if (isSet(field.shape, value)) {
        add(name, field.check.present(value, wallMs));
        const { oneof } = field.shape;
        if (oneof === '') continue;
        const other = chosen?.get(oneof);
        if (other) add(name, problem(`only one of ${other} and ${name} can be set`));
        chosen ??= new Map();
        chosen.set(oneof, name);
      }
    }
    for (const { shape: field, check } of needed) if (!isSet(field, json[field.name])) add(field.name, check.absent);
    for (const members of oneofs) {
      if (!members.some((name) => isMemberSet(fields.get(name)?.shape, json, name)))
        found = [...found, ...problem(`one of ${members.join(', ')} must be set`)];
    }
    return found;
  };
}

function isMemberSet(field: FieldShape | undefined, json: JsonObject, name: string): boolean {
  return field !== undefined && isSet(field, json[name]);
}

/** null is the same as absent, but for the one type that has it as a value. */
export function isSet(field: FieldShape, value: Json | undefined): value is Json {
  if (value !== null) return value !== undefined;
  const { rule, value: shape } = field;
  return rule === 'single' && shape.kind === 'message' && shape.type().name === 'google.protobuf.Value';
}
