/** What a field must be, with what it holds: one value, a list, a map, or nothing. */
import { isObject, type Json, type JsonObject } from '../json.ts';
import { wrong } from '../scalar.ts';
import type { FieldShape, ValueShape } from '../shape.ts';
import { isList } from '../well-known.ts';
import { all, type Check, checksOf, must, NONE, numberOf, type Problem, problem, within } from './check.ts';
import type { Strictness } from './message.ts';
import { problemsOf } from './types.ts';
import { valueCheck } from './value.ts';

export interface FieldCheck {
  /** Of a value that is there. */
  readonly present: Check;
  /** What is wrong when it is not; the same each time. */
  readonly absent: readonly Problem[];
}

const NEVER = () => 0;

/** @throws Error when a rule can't be interpreted */
export function fieldCheck(field: FieldShape, strictness: Strictness): FieldCheck {
  const rules = (strictness === 'rules' && field.rules) || {};
  switch (field.rule) {
    case 'single': {
      const present = valueCheck(field.value, rules, strictness);
      if (field.presence === 'none') return { present, absent: present(defaultOf(field.value), NEVER) };
      const isMissed = field.presence === 'explicit' && isRequired(rules);
      return { present, absent: isMissed ? problem('must be set') : NONE };
    }
    case 'repeated': {
      const present = listCheck(field, only(rules, 'repeated'), strictness);
      return { present, absent: present([], NEVER) };
    }
    case 'map': {
      const present = mapCheck(field, only(rules, 'map'), strictness);
      return { present, absent: present({}, NEVER) };
    }
  }
}

function isRequired(rules: JsonObject): boolean {
  return Object.values(rules).some((rule) => isObject(rule) && rule.required === true);
}

/** What a field without presence has when it is not there. */
function defaultOf(shape: ValueShape): Json {
  if (shape.kind === 'enum') return shape.type.names.get(0) ?? 0;
  if (shape.kind === 'message') return {};
  if (shape.type === 'bool') return false;
  return shape.type === 'string' || shape.type === 'bytes' ? '' : 0;
}

function listCheck(field: FieldShape, rules: JsonObject, strictness: Strictness): Check {
  const { items, ignore_empty: ignoreEmpty, ...own } = rules;
  const item = valueCheck(field.value, isObject(items) ? items : {}, strictness);
  const length = (list: readonly Json[]) => list.length;
  const list = all(
    checksOf<readonly Json[]>('repeated', own, {
      min_items: (rule) =>
        must(`have at least ${numberOf(rule)} items`, (list) => list.length >= numberOf(rule), length),
      max_items: (rule) =>
        must(`have at most ${numberOf(rule)} items`, (list) => list.length <= numberOf(rule), length),
      unique: () => uniqueCheck,
    }),
  );
  return (json, wallMs) => {
    if (!isList(json)) return problemsOf(wrong('', 'a list', json));
    if (json.length === 0 && ignoreEmpty === true) return NONE;
    let found = list(json, wallMs);
    for (let index = 0; index < json.length; index++) {
      const problems = item(json[index] ?? null, wallMs);
      if (problems.length > 0) found = [...found, ...within(`[${index}]`, problems)];
    }
    return found;
  };
}

function uniqueCheck(list: readonly Json[]): readonly Problem[] {
  const seen = new Map<string, number>();
  const found: Problem[] = [];
  for (const [index, member] of list.entries()) {
    const first = seen.get(String(member));
    if (first === undefined) seen.set(String(member), index);
    else found.push({ path: `[${index}]`, message: `must not be there twice: [${first}] is the same` });
  }
  return found;
}

function mapCheck(field: FieldShape, rules: JsonObject, strictness: Strictness): Check {
  const { keys, values, ignore_empty: ignoreEmpty, ...own } = rules;
  const keyShape: ValueShape = { kind: 'scalar', type: field.keyType ?? 'string' };
  const key = valueCheck(keyShape, isObject(keys) ? keys : {}, strictness);
  const value = valueCheck(field.value, isObject(values) ? values : {}, strictness);
  const size = (map: JsonObject) => Object.keys(map).length;
  const map = all(
    checksOf<JsonObject>('map', own, {
      min_pairs: (rule) => must(`have at least ${numberOf(rule)} entries`, (map) => size(map) >= numberOf(rule), size),
      max_pairs: (rule) => must(`have at most ${numberOf(rule)} entries`, (map) => size(map) <= numberOf(rule), size),
      // A value that is not there is of the wrong type.
      no_sparse: () => () => NONE,
    }),
  );
  return (json, wallMs) => {
    if (!isObject(json)) return problemsOf(wrong('', 'an object', json));
    const names = Object.keys(json).filter((name) => json[name] !== undefined);
    if (names.length === 0 && ignoreEmpty === true) return NONE;
    let found = map(json, wallMs);
    for (const name of names) {
      const problems = [...key(name, wallMs), ...value(json[name] ?? null, wallMs)];
      if (problems.length > 0) found = [...found, ...within(`.${name}`, problems)];
    }
    return found;
  };
}

/** @throws Error when there are rules for something else than a list or map */
function only(rules: JsonObject, kind: 'repeated' | 'map'): JsonObject {
  const other = Object.keys(rules).find((name) => name !== kind);
  if (other !== undefined) throw new Error(`rules for ${other} on a ${kind} field`);
  const own = rules[kind];
  return isObject(own) ? own : {};
}
