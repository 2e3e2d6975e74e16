/** All that one proxy, or a group of them, is to have, made from resources in their JSON form. */
import { changedResources } from './diff.ts';
import { newResource, type ResourceInput, resourceOf } from './encode-resource.ts';
import { versionOf } from './hash.ts';
import { InvalidSnapshot, type SnapshotProblem } from './problems.ts';
import { type Available, brokenRelations } from './references.ts';
import type { Resource, ResourceSet } from './resource.ts';
import {
  CLUSTER_TYPE,
  ENDPOINT_TYPE,
  RESOURCE_TYPES,
  type ResourceType,
  ROUTE_TYPE,
  SECRET_TYPE,
  TYPES,
  type TypeKey,
  type TypeUrl,
  typeOfKey,
} from './type-urls.ts';

/** Resources by type; a type that is absent has none. */
export type SnapshotInput = { readonly [key in TypeKey]?: readonly ResourceInput[] };

/** Names of resources by type. */
export type ResourceNames = { readonly [key in TypeKey]?: readonly string[] };

export type ResourceSets = Readonly<Record<TypeUrl, ResourceSet>>;

export interface Snapshot {
  readonly sets: ResourceSets;
  readonly externalClusters: ExternalClusters;
}

/** Names of clusters that proxies have from elsewhere, such as their bootstrap; `any`: nothing is known of them. */
export type ExternalClusters = readonly string[] | 'any';

/**
 * Resources that did not change are not looked at again: not when they are the same objects, nor when they were made
 * anew with the same content.
 * @throws InvalidSnapshot with everything that is wrong: what a type or a rule of the .proto files refuses, two resources
 * of one name, a cluster that is named and not there, a cluster without its endpoints, and, once there are any, routes and
 * secrets that are named and not there
 */
export function buildSnapshot(input: SnapshotInput, externalClusters: ExternalClusters = []): Snapshot {
  const problems: SnapshotProblem[] = [];
  const sets = eachSet((type) => setOf(resourcesOf(type, input[type.key], resourceOf, problems)));
  checkRelations(sets, externalClusters, problems);
  return { sets, externalClusters };
}

/**
 * The snapshot with these resources in place of those of the same names or beside them, and without those named in
 * `removed`. Costs what the given types cost, not the whole. The same snapshot when nothing changed.
 * @throws InvalidSnapshot as buildSnapshot does
 */
export function changeSnapshot(snapshot: Snapshot, changes: SnapshotInput, removed: ResourceNames = {}): Snapshot {
  const problems: SnapshotProblem[] = [];
  const { externalClusters } = snapshot;
  const sets: Record<TypeUrl, ResourceSet> = { ...snapshot.sets };
  let isHarmless = true;
  for (const key of new Set([...keysOf(changes), ...keysOf(removed)])) {
    const type = typeOfKey(key);
    const before = snapshot.sets[type.typeUrl];
    const changed = resourcesOf(type, changes[key], newResource, problems);
    const after = changedSet(before, changed, removed[key]);
    sets[type.typeUrl] = after;
    isHarmless &&= after === before || changesNoRelation(before, after, changed);
  }
  const isRight = problems.length === 0;
  if (isRight && RESOURCE_TYPES.every((type) => sets[type] === snapshot.sets[type])) return snapshot;
  if (!isRight || !isHarmless) checkRelations(sets, externalClusters, problems);
  return { sets, externalClusters };
}

/** Same names, same versions. */
export function sameContent(one: ResourceSets, other: ResourceSets): boolean {
  return RESOURCE_TYPES.every((type) => one[type].version === other[type].version);
}

function keysOf(byKey: SnapshotInput | ResourceNames): TypeKey[] {
  const keys: TypeKey[] = [];
  for (const type of RESOURCE_TYPES) if (byKey[TYPES[type].key]) keys.push(TYPES[type].key);
  return keys;
}

/** What changed needs nothing of other resources, and nothing went that others may need: so most changes are. */
function changesNoRelation(before: ResourceSet, after: ResourceSet, changed: ReadonlyMap<string, Resource>): boolean {
  // A first one of a type can make others wrong: where there is none, nothing is known of them.
  if (before.resources.size === 0) return false;
  for (const { endpointName, relations } of changed.values()) {
    if (endpointName !== '' || relations.length > 0) return false;
  }
  let added = 0;
  for (const name of changed.keys()) if (!before.resources.has(name)) added += 1;
  return after.resources.size === before.resources.size + added;
}

function eachSet(make: (type: ResourceType) => ResourceSet): ResourceSets {
  const sets: Partial<Record<TypeUrl, ResourceSet>> = {};
  for (const type of RESOURCE_TYPES) sets[type] = make(TYPES[type]);
  return sets as Record<TypeUrl, ResourceSet>;
}

function changedSet(
  before: ResourceSet,
  changed: ReadonlyMap<string, Resource>,
  removed: readonly string[] = [],
): ResourceSet {
  if (changedResources(changed, before.resources).length === 0 && !removed.some((name) => before.resources.has(name)))
    return before;
  const resources = new Map(before.resources);
  for (const [name, resource] of changed) resources.set(name, resource);
  for (const name of removed) resources.delete(name);
  return setOf(resources);
}

/** @throws InvalidSnapshot when there are problems, these or those */
function checkRelations(sets: ResourceSets, externalClusters: ExternalClusters, problems: SnapshotProblem[]): void {
  const resources = RESOURCE_TYPES.flatMap((type) => [...sets[type].resources.values()]);
  problems.push(...brokenRelations(resources, available(sets, externalClusters, problems)));
  if (problems.length > 0) throw new InvalidSnapshot(problems);
}

function available(sets: ResourceSets, external: ExternalClusters, problems: readonly SnapshotProblem[]): Available {
  // What is there and wrong is told once, not again at each place that names it.
  const isWrong = (type: TypeUrl, name: string) =>
    problems.some(({ typeUrl, resource }) => typeUrl === type && resource === name);
  const isThere = (type: TypeUrl) => (name: string) => sets[type].resources.has(name) || isWrong(type, name);
  const unlessNone = (type: TypeUrl) => (sets[type].resources.size === 0 ? undefined : isThere(type));
  return {
    cluster: external === 'any' ? undefined : (name) => isThere(CLUSTER_TYPE)(name) || external.includes(name),
    endpoints: isThere(ENDPOINT_TYPE),
    route: unlessNone(ROUTE_TYPE),
    secret: unlessNone(SECRET_TYPE),
  };
}

function resourcesOf(
  type: ResourceType,
  messages: readonly ResourceInput[] = [],
  make: typeof resourceOf,
  problems: SnapshotProblem[],
): Map<string, Resource> {
  const resources = new Map<string, Resource>();
  for (const message of messages) {
    const resource = tryResource(() => make(type, message), problems);
    if (!resource) continue;
    const { typeUrl, name } = resource;
    if (resources.has(name)) {
      problems.push({ typeUrl, resource: name, path: `$.${type.nameField}`, message: 'two resources have this name' });
    }
    resources.set(name, resource);
  }
  return resources;
}

function tryResource(make: () => Resource, problems: SnapshotProblem[]): Resource | undefined {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof InvalidSnapshot)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

const EMPTY_SET: ResourceSet = { version: versionOf([]), resources: new Map() };

function setOf(resources: Map<string, Resource>): ResourceSet {
  return resources.size === 0 ? EMPTY_SET : { version: versionOf(resources.values()), resources };
}

export const EMPTY_SNAPSHOT: Snapshot = buildSnapshot({});
