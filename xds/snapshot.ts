/** All that one proxy is to have, made from resources in their JSON form. */
import { encode } from '../proto/codec.ts';
import { isObject, type Json, type JsonObject, ProtoError } from '../proto/json.ts';
import { contentHash, versionOf } from './diff.ts';
import type { Resource, ResourceSet } from './resource.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE, type TypeUrl } from './type-urls.ts';

export interface SnapshotInput {
  readonly clusters: readonly JsonObject[];
  readonly endpoints: readonly JsonObject[];
  readonly listeners: readonly JsonObject[];
}

export interface Snapshot {
  /** Hash of the whole content. */
  readonly version: string;
  readonly sets: Readonly<Record<TypeUrl, ResourceSet>>;
}

/**
 * Resources that did not change are not encoded again: not when they are the same objects, nor when they were made anew
 * with the same content.
 * @throws ProtoError when a resource is not what its type wants, has no name, two have the same name, or a cluster's
 * endpoints are not there: no proxy would ever take that cluster into service
 */
export function buildSnapshot(input: SnapshotInput): Snapshot {
  const sets = {
    [CLUSTER_TYPE]: resourceSet(CLUSTER_TYPE, 'name', input.clusters),
    [ENDPOINT_TYPE]: resourceSet(ENDPOINT_TYPE, 'cluster_name', input.endpoints),
    [LISTENER_TYPE]: resourceSet(LISTENER_TYPE, 'name', input.listeners),
  };
  return snapshotOf(sets);
}

/**
 * The snapshot with these resources in place of those of the same names; others are added, none is removed. Costs what
 * the given types cost, not the whole.
 * @throws ProtoError as buildSnapshot does
 */
export function changeSnapshot(snapshot: Snapshot, changes: Partial<SnapshotInput>): Snapshot {
  const { clusters, endpoints, listeners } = changes;
  const sets = {
    [CLUSTER_TYPE]: changedSet(snapshot, CLUSTER_TYPE, 'name', clusters),
    [ENDPOINT_TYPE]: changedSet(snapshot, ENDPOINT_TYPE, 'cluster_name', endpoints),
    [LISTENER_TYPE]: changedSet(snapshot, LISTENER_TYPE, 'name', listeners),
  };
  return snapshotOf(sets);
}

function changedSet(
  snapshot: Snapshot,
  type: TypeUrl,
  nameField: string,
  messages: readonly JsonObject[] | undefined,
): ResourceSet {
  const before = snapshot.sets[type];
  if (!messages || messages.length === 0) return before;
  const changed = resourceSet(type, nameField, messages).resources;
  const resources = new Map([...before.resources, ...changed]);
  return { version: versionOf(resources.values()), resources };
}

function snapshotOf(sets: Snapshot['sets']): Snapshot {
  for (const { name, endpointName } of sets[CLUSTER_TYPE].resources.values()) {
    if (endpointName === '' || sets[ENDPOINT_TYPE].resources.has(endpointName)) continue;
    throw new ProtoError(`${name}.eds_cluster_config`, `there are no endpoints named ${endpointName}`);
  }
  const versions = Object.values(sets).map((set) => set.version);
  return { version: contentHash(versions.join('\n')), sets };
}

export const EMPTY_SNAPSHOT: Snapshot = buildSnapshot({ clusters: [], endpoints: [], listeners: [] });

function resourceSet(type: TypeUrl, nameField: string, messages: readonly JsonObject[]): ResourceSet {
  const resources = new Map<string, Resource>();
  for (const message of messages) {
    const resource = resourceOf(type, nameField, message);
    if (resources.has(resource.name)) throw new ProtoError(resource.name, `two resources of ${type} have this name`);
    resources.set(resource.name, resource);
  }
  return { version: versionOf(resources.values()), resources };
}

const byObject = new WeakMap<JsonObject, Resource>();

/** Two generations: what was not asked for while the younger one filled up is forgotten. */
const GENERATION_SIZE = 4096;
let younger = new Map<string, Resource>();
let older = new Map<string, Resource>();

function resourceOf(type: TypeUrl, nameField: string, message: JsonObject): Resource {
  const same = byObject.get(message);
  if (same?.typeUrl === type) return same;
  const key = `${type}\n${JSON.stringify(message)}`;
  const resource = younger.get(key) ?? older.get(key) ?? encodeResource(type, nameField, message);
  if (younger.size >= GENERATION_SIZE) {
    older = younger;
    younger = new Map();
  }
  younger.set(key, resource);
  byObject.set(message, resource);
  return resource;
}

function encodeResource(type: TypeUrl, nameField: string, message: JsonObject): Resource {
  const name = message[nameField];
  if (typeof name !== 'string' || name === '') throw new ProtoError(`$.${nameField}`, `a resource of ${type} needs it`);
  const bytes = encodeNamed(name, type, message);
  const mentions = new Set<string>();
  if (type === LISTENER_TYPE) collectTexts(message, mentions);
  return {
    typeUrl: type,
    name,
    version: contentHash(bytes),
    bytes,
    mentions,
    endpointName: type === CLUSTER_TYPE ? endpointNameOf(name, message) : '',
  };
}

/** A path alone doesn't say which of many resources is wrong. */
function encodeNamed(name: string, type: TypeUrl, message: JsonObject): Uint8Array {
  try {
    return encode('google.protobuf.Any', { '@type': type, ...message });
  } catch (error) {
    if (!(error instanceof ProtoError)) throw error;
    throw new ProtoError(name + error.path.slice(1), error.detail, error);
  }
}

function endpointNameOf(name: string, cluster: JsonObject): string {
  const eds = cluster.eds_cluster_config;
  if (cluster.type !== 'EDS' || !isObject(eds)) return '';
  const source = eds.eds_config;
  // Endpoints that come from a file are not ours.
  if (!isObject(source) || (source.ads === undefined && source.self === undefined)) return '';
  const service = eds.service_name;
  return typeof service === 'string' && service !== '' ? service : name;
}

function collectTexts(json: Json | undefined, into: Set<string>): void {
  if (typeof json === 'string') into.add(json);
  else if (typeof json === 'object' && json !== null)
    for (const member of Object.values(json)) collectTexts(member, into);
}
