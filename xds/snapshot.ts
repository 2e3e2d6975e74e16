/** All that one proxy, or a group of them, is to have, made from resources in their JSON form. */
import { ProtoError } from '../proto/json.ts';
import { contentHash, versionOf } from './diff.ts';
import { type ResourceInput, resourceOf } from './encode-resource.ts';
import type { Resource, ResourceSet } from './resource.ts';
import {
  CLUSTER_TYPE,
  ENDPOINT_TYPE,
  RESOURCE_TYPES,
  type ResourceType,
  TYPES,
  type TypeKey,
  type TypeUrl,
} from './type-urls.ts';

/** Resources by type; a type that is absent has none. */
export type SnapshotInput = { readonly [key in TypeKey]?: readonly ResourceInput[] };

/** Names of resources by type. */
export type ResourceNames = { readonly [key in TypeKey]?: readonly string[] };

export type ResourceSets = Readonly<Record<TypeUrl, ResourceSet>>;

export interface Snapshot {
  /** Hash of the whole content. */
  readonly version: string;
  readonly sets: ResourceSets;
}

/**
 * Resources that did not change are not encoded again: not when they are the same objects, nor when they were made anew
 * with the same content.
 * @throws ProtoError when a resource is not what its type wants, has no name, two have the same name, or a cluster's
 * endpoints are not there: no proxy would ever take that cluster into service
 */
export function buildSnapshot(input: SnapshotInput): Snapshot {
  return snapshotOf(eachSet((type) => resourceSet(type, input[type.key])));
}

/**
 * The snapshot with these resources in place of those of the same names or beside them, and without those named in
 * `removed`. Costs what the given types cost, not the whole. The same snapshot when nothing changed.
 * @throws ProtoError as buildSnapshot does
 */
export function changeSnapshot(snapshot: Snapshot, changes: SnapshotInput, removed: ResourceNames = {}): Snapshot {
  const sets = eachSet((type) => changedSet(snapshot.sets[type.typeUrl], type, changes[type.key], removed[type.key]));
  return RESOURCE_TYPES.every((type) => sets[type] === snapshot.sets[type]) ? snapshot : snapshotOf(sets);
}

function eachSet(make: (type: ResourceType) => ResourceSet): ResourceSets {
  const sets: Partial<Record<TypeUrl, ResourceSet>> = {};
  for (const type of RESOURCE_TYPES) sets[type] = make(TYPES[type]);
  return sets as Record<TypeUrl, ResourceSet>;
}

function changedSet(
  before: ResourceSet,
  type: ResourceType,
  messages: readonly ResourceInput[] = [],
  removed: readonly string[] = [],
): ResourceSet {
  const changed = resourcesOf(type, messages);
  const isSame = [...changed.values()].every(({ name, version }) => before.resources.get(name)?.version === version);
  if (isSame && !removed.some((name) => before.resources.has(name))) return before;
  const resources = new Map([...before.resources, ...changed]);
  for (const name of removed) resources.delete(name);
  return setOf(resources);
}

function snapshotOf(sets: ResourceSets): Snapshot {
  for (const { name, endpointName } of sets[CLUSTER_TYPE].resources.values()) {
    if (endpointName === '' || sets[ENDPOINT_TYPE].resources.has(endpointName)) continue;
    throw new ProtoError(`${name}.eds_cluster_config`, `there are no endpoints named ${endpointName}`);
  }
  const versions = RESOURCE_TYPES.map((type) => sets[type].version);
  return { version: contentHash(versions.join('\n')), sets };
}

function resourceSet(type: ResourceType, messages: readonly ResourceInput[] = []): ResourceSet {
  return setOf(resourcesOf(type, messages));
}

function resourcesOf(type: ResourceType, messages: readonly ResourceInput[]): Map<string, Resource> {
  const resources = new Map<string, Resource>();
  for (const message of messages) {
    const resource = resourceOf(type, message);
    if (resources.has(resource.name)) {
      throw new ProtoError(resource.name, `two resources of ${type.typeUrl} have this name`);
    }
    resources.set(resource.name, resource);
  }
  return resources;
}

const EMPTY_SET: ResourceSet = { version: versionOf([]), resources: new Map() };

function setOf(resources: Map<string, Resource>): ResourceSet {
  return resources.size === 0 ? EMPTY_SET : { version: versionOf(resources.values()), resources };
}

export const EMPTY_SNAPSHOT: Snapshot = buildSnapshot({});
