/** Checks one document's shape: every field that is unknown, missing, of a wrong type or out of range, in words. */
import type { z } from 'zod';
import { closest, fieldsAt, formatPath, type Path, placesOf, schemaAt } from './path.ts';
import { documentSchema, KIND, type PostgresClusterDocument } from './schema.ts';

export interface ShapeProblem {
  readonly path: Path;
  readonly message: string;
}

export interface Shape {
  readonly problems: readonly ShapeProblem[];
  /**
   * The document without what is wrong in it, so that the rules over several fields can still be checked; undefined
   * when too little is left: no name, or not a PostgresCluster.
   */
  readonly sound: PostgresClusterDocument | undefined;
  /** Whether the field, something in it or something around it is wrong. */
  broken(path: Path): boolean;
}

export function checkShape(value: unknown): Shape {
  const foreign = foreignDocument(value);
  if (foreign) return { problems: [foreign], sound: undefined, broken: () => true };
  const problems: ShapeProblem[] = [];
  const parsed = documentSchema.safeParse(value);
  for (const issue of parsed.error?.issues ?? []) {
    const path = issue.path.filter((part) => typeof part !== 'symbol');
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) problems.push({ path: [...path, key], message: unknownField(path, key) });
    } else if (!problems.some((problem) => samePath(problem.path, path))) {
      problems.push({ path, message: describe(issue, path, valueAt(value, path)) });
    }
  }
  const pruned = structuredClone(value);
  for (const { path } of problems) remove(pruned, path);
  const sound = problems.length === 0 ? parsed : documentSchema.safeParse(pruned);
  const broken = (path: Path) => problems.some((problem) => overlaps(problem.path, path));
  return { problems, sound: sound.data, broken };
}

/** A document of something else: a list of its unknown fields would only hide that. */
function foreignDocument(value: unknown): ShapeProblem | undefined {
  if (!isMapping(value)) {
    return { path: [], message: `must be a mapping with apiVersion, kind, metadata and spec, is ${named(value)}` };
  }
  const { kind } = value;
  if (typeof kind !== 'string' || kind === KIND || closest(kind, [KIND])) return undefined;
  return { path: ['kind'], message: `must be ${KIND}, is ${shown(kind)}: remove this document from the file` };
}

function unknownField(parent: Path, key: string): string {
  const fields = fieldsAt(parent);
  const meant = closest(key, fields);
  if (meant) return `is no field: did you mean "${meant}"?`;
  const places = placesOf(key);
  if (places.length > 0) return `is no field here: it belongs at ${places.join(' or ')}`;
  return `is no field: remove it; the fields ${parent.length > 0 ? `of ${formatPath(parent)}` : 'here'} are ${fields.join(', ')}`;
}

function describe(issue: z.core.$ZodIssue, path: Path, value: unknown): string {
  if (value === undefined) return `is missing: ${add(path)}`;
  if (value === null) return `is empty: give it a value${isRequired(path) ? '' : ' or remove the field'}`;
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${TYPES[issue.expected] ?? issue.expected}, is ${named(value)}${typeHint(issue.expected, path, value)}`;
    case 'invalid_value':
      return oneOf(issue.values.map(String), value);
    case 'too_small':
    case 'too_big':
      return issue.origin === 'string' ? `${issue.message}, has ${String(value).length}` : outOfRange(path, value);
    case 'invalid_union':
      return `must be ${path.at(-1) === 'maxLag' ? 'a size (16MiB) or a number of bytes' : 'text, a number, true or false'}, is ${named(value)}`;
    default:
      return `${issue.message}, is ${named(value)}`;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  object: 'a mapping (lines of "name: value")',
  record: 'a mapping (lines of "name: value")',
  string: 'text',
  int: 'a whole number',
  number: 'a whole number',
  boolean: 'true or false',
};

function typeHint(expected: string, path: Path, value: unknown): string {
  if ((expected === 'number' || expected === 'int') && typeof value === 'string' && /^\d+$/.test(value)) {
    return ': remove the quotes';
  }
  if (expected !== 'string' || typeof value === 'object') return '';
  const isDuration = path[1] === 'failover' || path.at(-1) === 'applyDelay';
  return isDuration ? ': a duration has a unit (500ms, 1s)' : ': put it in quotes';
}

function oneOf(values: readonly string[], value: unknown): string {
  const meant = typeof value === 'string' ? closest(value, values) : undefined;
  const choice = values.length === 1 ? values[0] : `one of ${values.join(', ')}`;
  return `must be ${choice}, is ${named(value)}${meant && values.length > 1 ? `: did you mean "${meant}"?` : ''}`;
}

function outOfRange(path: Path, value: unknown): string {
  const { minimum, maximum } = schemaAt(path) ?? {};
  return `must be from ${minimum} to ${maximum}, is ${shown(value)}`;
}

function add(path: Path): string {
  return path.length === 1 && path[0] !== 'metadata'
    ? `add "${path[0]}: ${schemaAt(path)?.const}"`
    : `add ${formatPath(path)}`;
}

/** The value as a person calls it. */
function named(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string' ? `the text ${shown(value)}` : shown(value);
}

function shown(value: unknown): string {
  if (typeof value === 'number') return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}..."` : text;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const part of path) at = isMapping(at) && Object.hasOwn(at, part) ? at[part] : undefined;
  return at;
}

function remove(value: unknown, path: Path): void {
  const parent = valueAt(value, path.slice(0, -1));
  if (isMapping(parent) && path.length > 0) delete parent[path.at(-1)!];
}

function isRequired(path: Path): boolean {
  return schemaAt(path.slice(0, -1))?.required?.includes(String(path.at(-1))) ?? false;
}

function samePath(a: Path, b: Path): boolean {
  return a.length === b.length && overlaps(a, b);
}

function overlaps(a: Path, b: Path): boolean {
  const length = Math.min(a.length, b.length);
  return a.slice(0, length).every((part, index) => part === b[index]);
}
