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

const model = fillIn(template.endpoints[0]!, 0, 0, FIRST_MARKER);
const [locality] = objects(model.endpoints);

/**
 * The assignment that a change replaces, made as a program does that holds its endpoints as messages: no text is searched
 * for each. The peer does the same.
 */
export function assignmentOf(proxy: number, marker: string): JsonObject {
  const name = nameOf(proxy);
  const hostnames = [marker, `instance-b.${name}`, `instance-c.${name}`];
  const lbEndpoints = objects(locality?.lb_endpoints).map((each, index) => ({
    ...each,
    endpoint: { ...(isObject(each.endpoint) ? each.endpoint : {}), hostname: hostnames[index] },
  }));
  return { ...model, cluster_name: `${KINDS[0]}.${name}`, endpoints: [{ ...locality, lb_endpoints: lbEndpoints }] };
}

function objects(json: Json | undefined): JsonObject[] {
  return Array.isArray(json) ? json.filter((each) => isObject(each)) : [];
}

function fillIn(message: JsonObject, proxy: number, kind: number, marker: string): JsonObject {
  const name = nameOf(proxy);
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

function nameOf(proxy: number): string {
  return `proxy-${String(proxy).padStart(6, '0')}`;
}
