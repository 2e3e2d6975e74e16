/** What a single value must be: its type first, then its rules, for those that the type is right for. */
import { isObject, type Json, type JsonObject } from '../json.ts';
import { findMessage } from '../registry.ts';
import { wrong } from '../scalar.ts';
import type { EnumShape, MessageShape, ScalarType, ValueShape } from '../shape.ts';
import { typeNameOf } from '../type-url.ts';
import { ANY, WELL_KNOWN_TYPES } from '../well-known.ts';
import { bytesChecks } from './bytes.ts';
import { all, type Check, checksOf, listOf, must, NONE, numberOf, problem, textOf, within } from './check.ts';
import { messageCheck, type Strictness } from './message.ts';
import { numberChecks } from './numbers.ts';
import { stringChecks } from './strings.ts';
import { durationChecks, timestampChecks } from './times.ts';
import { enumTypeCheck, problemsOf, scalarTypeCheck, wellKnownTypeCheck } from './types.ts';

/** The kind of rules that belongs to a type of google.protobuf. Wrappers take those of what they wrap. */
const WELL_KNOWN_RULES: Readonly<Record<string, (rules: JsonObject) => readonly Check[]>> = {
  'google.protobuf.Duration': (rules) => durationChecks(ruleOf(rules, 'duration')),
  'google.protobuf.Timestamp': (rules) => timestampChecks(ruleOf(rules, 'timestamp')),
  'google.protobuf.BoolValue': (rules) => scalarRules('bool', rules),
  'google.protobuf.BytesValue': (rules) => scalarRules('bytes', rules),
  'google.protobuf.DoubleValue': (rules) => scalarRules('double', rules),
  'google.protobuf.FloatValue': (rules) => scalarRules('float', rules),
  'google.protobuf.Int32Value': (rules) => scalarRules('int32', rules),
  'google.protobuf.Int64Value': (rules) => scalarRules('int64', rules),
  'google.protobuf.StringValue': (rules) => scalarRules('string', rules),
  'google.protobuf.UInt32Value': (rules) => scalarRules('uint32', rules),
  'google.protobuf.UInt64Value': (rules) => scalarRules('uint64', rules),
};

/**
 * @param rules the FieldRules of validate.proto
 * @throws Error when a rule can't be interpreted or is not for this type
 */
export function valueCheck(shape: ValueShape, rules: JsonObject, strictness: Strictness): Check {
  switch (shape.kind) {
    case 'scalar':
      return typed(scalarTypeCheck(shape.type), scalarRules(shape.type, rules));
    case 'enum':
      return typed(enumTypeCheck(shape.type), enumRules(shape.type, ruleOf(rules, 'enum')));
    case 'message':
      return messageValueCheck(shape.type(), rules, strictness);
  }
}

/** Rules are asked only about values that have the type. */
function typed(type: Check, rules: readonly Check[]): Check {
  if (rules.length === 0) return type;
  const rule = all(rules);
  return (json, wallMs) => {
    const wrongType = type(json, wallMs);
    return wrongType.length > 0 ? wrongType : rule(json, wallMs);
  };
}

function scalarRules(type: ScalarType, rules: JsonObject): readonly Check[] {
  const { ignore_empty: ignoreEmpty, ...own } = ruleOf(rules, type);
  const checks = scalarChecks(type, own);
  if (ignoreEmpty !== true) return checks;
  return checks.map((check) => (json, wallMs) => (isDefault(type, json) ? NONE : check(json, wallMs)));
}

function scalarChecks(type: ScalarType, rules: JsonObject): readonly Check[] {
  switch (type) {
    case 'string':
      return stringChecks(rules);
    case 'bytes':
      return bytesChecks(rules);
    case 'bool':
      return checksOf('bool', rules, {
        const: (rule) =>
          must(
            `be ${rule}`,
            (value) => value === rule,
            (value) => value,
          ),
      });
    default:
      return numberChecks(type, rules);
  }
}

function isDefault(type: ScalarType, json: Json): boolean {
  return type === 'string' || type === 'bytes' ? json === '' : Number(json) === 0;
}

function enumRules(type: EnumShape, rules: JsonObject): readonly Check[] {
  const number = (json: Json) => type.numbers.get(String(json)) ?? Number.NaN;
  const name = (rule: Json) => type.names.get(numberOf(rule)) ?? String(rule);
  const names = (rule: Json) => listOf(rule).map(name).join(', ');
  const shown = (json: Json) => json;
  return checksOf<Json>('enum', rules, {
    const: (rule) => must(`be ${name(rule)}`, (json) => number(json) === rule, shown),
    in: (rule) => must(`be one of ${names(rule)}`, (json) => listOf(rule).includes(number(json)), shown),
    not_in: (rule) => must(`be none of ${names(rule)}`, (json) => !listOf(rule).includes(number(json)), shown),
    // In JSON an enum is one of its names, or it is of the wrong type.
    defined_only: () => () => NONE,
  });
}

function messageValueCheck(shape: MessageShape, rules: JsonObject, strictness: Strictness): Check {
  if (shape.name === ANY) return anyCheck(ruleOf(rules, 'any'), strictness);
  const ownForm = wellKnownTypeCheck(shape.name);
  if (ownForm) return typed(ownForm, WELL_KNOWN_RULES[shape.name]?.(rules) ?? []);
  // Whether it must be there is the field's matter.
  const { skip } = ruleOf(rules, 'message');
  return messageCheck(shape, skip === true ? 'types' : strictness);
}

function anyCheck(rules: JsonObject, strictness: Strictness): Check {
  const url = all(
    checksOf<Json>('any', rules, {
      required: () => () => NONE,
      in: (rule) =>
        must(`be one of ${listOf(rule).map(textOf).join(', ')}`, (json) => listOf(rule).includes(json), shownUrl),
      not_in: (rule) =>
        must(`be none of ${listOf(rule).map(textOf).join(', ')}`, (json) => !listOf(rule).includes(json), shownUrl),
    }),
  );
  return (json, wallMs) => {
    if (!isObject(json)) return problemsOf(wrong('', `an object (${ANY})`, json));
    const { '@type': typeUrl, ...content } = json;
    if (typeof typeUrl !== 'string') {
      return problemsOf(wrong('.@type', 'text such as type.googleapis.com/PACKAGE.TYPE', typeUrl ?? null));
    }
    const name = typeNameOf(typeUrl);
    const shape = name === typeUrl ? undefined : findMessage(name);
    if (!shape) return within('.@type', problem(`no message type is named ${typeUrl}`));
    const problems = within('.@type', url(typeUrl, wallMs));
    const check = messageValueCheck(shape, {}, strictness);
    // A type whose JSON need not be an object stands in the member `value`.
    const found =
      WELL_KNOWN_TYPES.has(name) || name === ANY
        ? within('.value', check(content.value ?? null, wallMs))
        : check(content, wallMs);
    return [...problems, ...found];
  };
}

function shownUrl(url: Json): Json {
  return url;
}

/**
 * The rules of one kind. Others may only say whether the field must be set: `message` on a wrapper, and once in Envoy's
 * files `any` on a message.
 * @throws Error when there are rules for another type
 */
function ruleOf(rules: JsonObject, kind: string): JsonObject {
  for (const [other, rule] of Object.entries(rules)) {
    const isAboutField = isObject(rule) && Object.keys(rule).every((name) => name === 'required');
    if (other !== kind && !isAboutField) throw new Error(`rules for ${other} on a field of the type ${kind}`);
  }
  const own = rules[kind];
  return isObject(own) ? own : {};
}
