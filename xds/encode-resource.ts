/** A resource from its JSON form. One that did not change is not encoded again: neither the same object nor the same content. */
import { encode } from '../proto/codec.ts';
import { isObject, type Json, type JsonObject, ProtoError } from '../proto/json.ts';
import { contentHash } from './diff.ts';
import { packed } from './packed-bytes.ts';
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

/** Two generations: what was not asked for while the younger one filled up is forgotten. */
const GENERATION_SIZE = 4096;
let younger = new Map<string, Resource>();
let older = new Map<string, Resource>();

/** @throws ProtoError when it is not what the type wants, or has no name */
export function resourceOf(type: ResourceType, input: ResourceInput): Resource {
  const same = byObject.get(input);
  if (same?.typeUrl === type.typeUrl) return same;
  const key = `${type.typeUrl}\n${JSON.stringify(input)}`;
  const resource = younger.get(key) ?? older.get(key) ?? encodeResource(type, input);
  if (younger.size >= GENERATION_SIZE) {
    older = younger;
    younger = new Map();
  }
  younger.set(key, resource);
  byObject.set(input, resource);
  return resource;
}

function encodeResource(type: ResourceType, input: ResourceInput): Resource {
  const { resource: message, version = '', ttlMs = 0 } = isVersioned(input) ? input : { resource: input };
  const { typeUrl, nameField, namesClusters } = type;
  const name = message[nameField];
  if (typeof name !== 'string' || name === '') {
    throw new ProtoError(`$.${nameField}`, `a resource of ${typeUrl} needs it`);
  }
  if (!Number.isSafeInteger(ttlMs) || ttlMs < 0) throw new ProtoError(`${name}.ttlMs`, 'whole milliseconds are wanted');
  const bytes = packed(encodeNamed(name, typeUrl, message));
  const mentions = new Set<string>();
  if (namesClusters) collectTexts(message, mentions);
  return {
    typeUrl,
    name,
    version: version || contentHash(ttlMs === 0 ? bytes : Buffer.concat([bytes, Buffer.from(`\n${ttlMs}`)])),
    bytes,
    mentions: mentions.size === 0 ? NOTHING_MENTIONED : mentions,
    endpointName: typeUrl === CLUSTER_TYPE ? endpointNameOf(name, message) : '',
    ttlMs,
  };
}

export const NOTHING_MENTIONED: ReadonlySet<string> = new Set();

/** No message that is served has a field of that name. */
function isVersioned(input: ResourceInput): input is VersionedResource {
  return typeof input.resource === 'object' && input.resource !== null;
}

/** A path alone doesn't say which of many resources is wrong. */
function encodeNamed(name: string, typeUrl: string, message: JsonObject): Uint8Array {
  try {
    return encode('google.protobuf.Any', { '@type': typeUrl, ...message });
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
