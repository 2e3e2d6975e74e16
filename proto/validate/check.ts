/** What a rule becomes: a function from a value to what is wrong with it. Made once per message type. */
import type { Json, JsonObject } from '../json.ts';

export interface Problem {
  /** Where: `$` is the message, `$.filter_chains[0].filters` a field in it. */
  readonly path: string;
  /** What is wrong there: the rule and the value. */
  readonly message: string;
}

/**
 * Paths of what it returns are relative to the value: '' is the value itself. So a path costs only where there is a
 * problem. `wallMs` is asked only by rules about now.
 */
export type Check<Value = Json> = (value: Value, wallMs: () => number) => readonly Problem[];

export const NONE: readonly Problem[] = [];

export function problem(message: string): readonly Problem[] {
  return [{ path: '', message }];
}

/** The same problems, seen from one level up. */
export function within(step: string, problems: readonly Problem[]): readonly Problem[] {
  return problems.length === 0 ? NONE : problems.map(({ path, message }) => ({ path: step + path, message }));
}

/** Every problem of every check. */
export function all<Value>(checks: readonly Check<Value>[]): Check<Value> {
  const [first, second] = checks;
  if (!first) return () => NONE;
  if (!second) return first;
  return (value, wallMs) => {
    let found = NONE;
    for (const check of checks) {
      const problems = check(value, wallMs);
      if (problems.length > 0) found = found === NONE ? problems : [...found, ...problems];
    }
    return found;
  };
}

/** A check of one condition. `must` completes "must ...": the value is told after it. */
export function must<Value>(
  must: string,
  holds: (value: Value) => boolean,
  shown: (value: Value) => Json,
): Check<Value> {
  return (value) => (holds(value) ? NONE : problem(`must ${must}, not ${show(shown(value))}`));
}

/** Short enough for a log line. */
export function show(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

/**
 * Rules of one type, each with what makes a check of it. A rule that is not in the table is an error: it would silently
 * not be held.
 * @throws Error
 */
export function checksOf<Value>(
  kind: string,
  rules: JsonObject,
  table: Readonly<Record<string, (rule: Json, rules: JsonObject) => Check<Value>>>,
): Check<Value>[] {
  return Object.entries(rules).flatMap(([name, rule]) => {
    const make = table[name];
    if (!make) throw new Error(`the rule ${kind}.${name} can't be interpreted`);
    // A flag that is off; `const` may be false.
    const isOff = rule === undefined || (rule === false && name !== 'const');
    return isOff ? [] : [make(rule, rules)];
  });
}

/** What a rule says, as text; another type is a mistake in a .proto file. */
export function textOf(rule: Json): string {
  if (typeof rule !== 'string') throw new Error(`a rule has ${show(rule)} where text belongs`);
  return rule;
}

export function numberOf(rule: Json | undefined): number {
  if (typeof rule !== 'number') throw new Error(`a rule has ${show(rule ?? null)} where a number belongs`);
  return rule;
}

/** Of a repeated rule; the parser gives a list of one as its only member. */
export function listOf(rule: Json): readonly Json[] {
  return Array.isArray(rule) ? rule : [rule];
}
