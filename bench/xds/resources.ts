/** What each proxy of the benchmark has: the peer makes the same from the same file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, type Json, type JsonObject } from '../../proto/json.ts';
import type { SnapshotInput } from '../../xds/index.ts';

export const RESOURCES_FILE = join(import.meta.dirname, 'resources.json');
export const FIRST_MARKER = 'marker-000000';

const KINDS = ['rw', 'ro', 'any', 'replication'];
const template = readFileSync(RESOURCES_FILE, 'utf8');

export function resourcesOf(proxy: number): SnapshotInput {
  const all = KINDS.map((kind) => fillIn(proxy, kind, FIRST_MARKER));
  return {
    clusters: all.flatMap(({ clusters }) => clusters),
    endpoints: all.flatMap(({ endpoints }) => endpoints),
    listeners: all.flatMap(({ listeners }) => listeners),
  };
}

const model = fillIn(0, KINDS[0]!, FIRST_MARKER).endpoints[0]!;

/** The assignment that a change replaces. Made the way a program does that holds objects: no text is parsed for each. */
export function assignmentOf(proxy: number, marker: string): JsonObject {
  const name = nameOf(proxy);
  const [locality] = model.endpoints as readonly JsonObject[];
  const lbEndpoints = (locality?.lb_endpoints as readonly JsonObject[]).map((each, index) => {
    const hostname = [marker, `instance-b.${name}`, `instance-c.${name}`][index]!;
    return { ...each, endpoint: { ...(each.endpoint as JsonObject), hostname } };
  });
  return { cluster_name: `${KINDS[0]}.${name}`, endpoints: [{ ...locality, lb_endpoints: lbEndpoints }] };
}

function fillIn(proxy: number, kind: string, marker: string): Record<keyof SnapshotInput, JsonObject[]> {
  const text = template
    .replaceAll('#KIND#', kind)
    .replaceAll('#PROXY#', nameOf(proxy))
    .replaceAll('#MARKER#', marker);
  const json: Json = JSON.parse(text);
  const list = (name: string) => {
    const members = isObject(json) ? json[name] : undefined;
    if (!Array.isArray(members)) throw new Error(`${RESOURCES_FILE} has no list ${name}`);
    return members.filter(isObject);
  };
  return { clusters: list('clusters'), endpoints: list('endpoints'), listeners: list('listeners') };
}

function nameOf(proxy: number): string {
  return `proxy-${String(proxy).padStart(6, '0')}`;
}
