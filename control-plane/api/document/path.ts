/** Places in a document: how they are written, and what each may hold, as far as the schema tells. */
import type { z } from 'zod';
import { documentJsonSchema } from './schema.ts';

export type Path = readonly (string | number)[];

/** `spec.routes.rw.port`; `["..."]` around a name that isn't a plain word. */
export function formatPath(path: Path): string {
  return path
    .map((part) => (typeof part === 'string' && /^[A-Za-z_]\w*$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`))
    .join('')
    .replace(/^\./, '');
}

type Node = z.core.JSONSchema.BaseSchema;

const ROOT: Node = documentJsonSchema();

/** The schema at a path; undefined where the document has no such place. */
export function schemaAt(path: Path): Node | undefined {
  let node: Node | undefined = ROOT;
  for (const part of path) {
    const next: unknown = node?.properties?.[part] ?? node?.additionalProperties;
    node = typeof next === 'object' ? (next as Node) : undefined;
  }
  return node;
}

/** Names of the fields that a mapping may have. */
export function fieldsAt(path: Path): string[] {
  return Object.keys(schemaAt(path)?.properties ?? {});
}

/** All places whose last name is this one. */
export function placesOf(field: string): string[] {
  const found: string[] = [];
  const search = (node: Node, path: Path) => {
    for (const [name, child] of Object.entries(node.properties ?? {})) {
      if (name === field) found.push(formatPath([...path, name]));
      if (typeof child === 'object') search(child, [...path, name]);
    }
  };
  search(ROOT, []);
  return found;
}

/** The candidate that was probably meant: a third of the letters may differ, case doesn't count. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const scored = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return scored[0]?.candidate;
}

/** Levenshtein's distance: letters to add, drop or change. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      next.push(Math.min(next[j]! + 1, row[j + 1]! + 1, row[j]! + (letter === to[j] ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1)!;
}
