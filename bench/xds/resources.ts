/** What each proxy of the benchmark has: the peer makes the same from the same file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, type Json, type JsonObject } from '../../proto/json.ts';
import type { SnapshotInput } from '../../xds/index.ts';

export const RESOURCES_FILE = join(import.meta.dirname, 'resources.json');

const KINDS = ['rw', 'ro', 'any', 'replication'];
const FIRST_MARKER = 'marker-000000';
/** One cluster, its assignment and its listener. */
const template: Record<'clusters' | 'endpoints' | 'listeners', readonly JsonObject[]> = JSON.parse(
  readFileSync(RESOURCES_FILE, 'utf8'),
);

export function resourcesOf(proxy: number): SnapshotInput {
  const all = (messages: readonly JsonObject[]) =>
    KINDS.flatMap((_, kind) => messages.map((message) => fillIn(message, proxy, kind, FIRST_MARKER)));
  const { clusters, endpoints, listeners } = template;
  return { clusters: all(clusters), endpoints: all(endpoints), listeners: all(listeners) };
}

/** The assignment that a change replaces. */
export function assignmentOf(proxy: number, marker: string): JsonObject {
  return fillIn(template.endpoints[0]!, proxy, 0, marker);
}

function fillIn(message: JsonObject, proxy: number, kind: number, marker: string): JsonObject {
  const name = `proxy-${String(proxy).padStart(6, '0')}`;
  const words = { KIND: KINDS[kind]!, INDEX: String(kind + 1), PROXY: name, MARKER: marker };
  const fill = (json: Json): Json => {
    if (typeof json === 'string') {
      return json.replace(/#(\w+)#/g, (_, word: keyof typeof words) => words[word]);
    }
    if (Array.isArray(json)) return json.map(fill);
    return isObject(json) ? object(json) : json;
  };
  const object = (json: JsonObject): JsonObject =>
    Object.fromEntries(Object.entries(json).map(([field, value]) => [field, fill(value ?? null)]));
  return object(message);
}
