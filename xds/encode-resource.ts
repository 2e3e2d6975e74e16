/**
 * A resource from its JSON form. One that did not change is not looked at again: neither the same object nor the same
 * content.
 */
import { encodeInAny } from '../proto/encode.ts';
import { type Json, type JsonObject, ProtoError } from '../proto/json.ts';
import { typeNameOf } from '../proto/type-url.ts';
import { type Problem, validate } from '../proto/validate/validate.ts';
import { envoyProblems } from './envoy-checks.ts';
import { contentHash, markOf } from './hash.ts';
import { packed } from './packed-bytes.ts';
import { InvalidSnapshot } from './problems.ts';
import { endpointNameOf, relationsOf } from './references.ts';
import type { Resource } from './resource.ts';
import { CLUSTER_TYPE, type ResourceType } from './type-urls.ts';

/** A resource with more than its content. */
export interface VersionedResource {
  readonly resource: JsonObject;
  /** Must change when the content does: a proxy that has it is not sent it again. Absent = a hash of the content. */
  readonly version?: string;
  /**
   * The proxy drops the resource when the control plane is silent for so long, in milliseconds; heartbeats go out before.
   * For proxies that can (client feature `xds.config.supports-resource-ttl`). Absent = it keeps it.
   * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#ttl
   */
  readonly ttlMs?: number;
}

/** Envoy's proto3 JSON with snake_case field names, alone or with a version or a time to live. */
export type ResourceInput = JsonObject | VersionedResource;

const byObject = new WeakMap<ResourceInput, Resource>();

/** By hash of the content. Two generations: what was not asked for while the younger one filled up is forgotten. */
const GENERATION_SIZE = 4096;
let younger = new Map<string, Resource>();
let older = new Map<string, Resource>();

/**
 * The same object gives the same resource.
 * @throws InvalidSnapshot as newResource does
 */
export function resourceOf(type: ResourceType, input: ResourceInput): Resource {
  const same = byObject.get(input);
  if (same?.typeUrl === type.typeUrl) return same;
  const resource = newResource(type, input);
  byObject.set(input, resource);
  return resource;
}

/**
 * Of an object that is not expected again: to remember it would cost more than it ever spares.
 * @throws InvalidSnapshot with everything in it that its type or a rule of the .proto files refuses; it has a name
 */
export function newResource(type: ResourceType, input: ResourceInput): Resource {
  const { resource: message, version = '', ttlMs = 0 } = isVersioned(input) ? input : { resource: input };
  const bytes = encodeAny(type, message, ttlMs);
  const key = contentHash(ttlMs === 0 ? bytes : Buffer.concat([bytes, Buffer.from(`\n${ttlMs}`)]));
  const found = younger.get(key) ?? older.get(key);
  const resource =
    found?.ttlMs === ttlMs && bytes.equals(found.bytes)
      ? withVersion(found, version || key)
      : checkedResource(type, message, bytes, { version: version || key, ttlMs });
  if (younger.size >= GENERATION_SIZE) {
    older = younger;
    younger = new Map();
  }
  younger.set(key, resource);
  return resource;
}

/** '' when it has none. */
export function nameOf({ nameField }: ResourceType, input: ResourceInput): string {
  const name = (isVersioned(input) ? input.resource : input)[nameField];
  return typeof name === 'string' ? name : '';
}

function encodeAny(type: ResourceType, message: JsonObject, ttlMs: number): Buffer {
  try {
    return encodeInAny(type.typeUrl, message);
  } catch (error) {
    if (!(error instanceof ProtoError)) throw error;
    const { path, detail } = error;
    const problems = problemsOf(type, message, ttlMs);
    throw invalid(type, message, problems.length > 0 ? problems : [{ path, message: detail }]);
  }
}

/** @param bytes of the Any, which are copied */
function checkedResource(
  type: ResourceType,
  message: JsonObject,
  bytes: Buffer,
  { version, ttlMs }: Pick<Resource, 'version' | 'ttlMs'>,
): Resource {
  const { typeUrl, namesClusters } = type;
  const problems = problemsOf(type, message, ttlMs);
  if (problems.length > 0) throw invalid(type, message, problems);
  const name = nameOf(type, message);
  const mentions = new Set<string>();
  if (namesClusters) collectTexts(message, mentions);
  return {
    typeUrl,
    name,
    version,
    mark: markOf(name, version),
    bytes: packed(bytes),
    mentions: mentions.size === 0 ? NOTHING_MENTIONED : [...mentions],
    endpointName: typeUrl === CLUSTER_TYPE ? endpointNameOf(message) : '',
    relations: relationsOf(typeUrl, message),
    ttlMs,
  };
}

function withVersion(resource: Resource, version: string): Resource {
  return resource.version === version ? resource : { ...resource, version, mark: markOf(resource.name, version) };
}

function invalid(type: ResourceType, message: JsonObject, problems: readonly Problem[]): InvalidSnapshot {
  const resource = nameOf(type, message);
  return new InvalidSnapshot(problems.map((problem) => ({ typeUrl: type.typeUrl, resource, ...problem })));
}

const NOTHING_MENTIONED: readonly string[] = [];

/** No message that is served has a field of that name. */
function isVersioned(input: ResourceInput): input is VersionedResource {
  return typeof input.resource === 'object' && input.resource !== null;
}

function problemsOf(type: ResourceType, message: JsonObject, ttlMs: number): Problem[] {
  const { typeUrl, nameField } = type;
  const problems = [...validate(typeNameOf(typeUrl), message)];
  const path = `$.${nameField}`;
  const isNamed = message[nameField] !== undefined && message[nameField] !== '';
  if (!isNamed && problems.every((problem) => problem.path !== path)) {
    problems.unshift({ path, message: 'must be set: it is the name of the resource' });
  }
  for (const problem of envoyProblems(typeUrl, message)) {
    if (problems.every(({ path }) => path !== problem.path)) problems.push(problem);
  }
  if (!Number.isSafeInteger(ttlMs) || ttlMs < 0)
    problems.push({ path: '$', message: 'ttlMs must be whole milliseconds' });
  return problems;
}

function collectTexts(json: Json | undefined, into: Set<string>): void {
  if (typeof json === 'string') into.add(json);
  else if (typeof json === 'object' && json !== null)
    for (const member of Object.values(json)) collectTexts(member, into);
}
