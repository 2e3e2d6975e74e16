/** Delta discovery: requests from bytes and responses to bytes; and what a time to live adds to either variant. */
import { decode } from '../proto/codec.ts';
import { FieldReader } from '../proto/field-reader.ts';
import type { JsonObject } from '../proto/json.ts';
import type { Resource } from './resource.ts';
import type { Push } from './session-types.ts';
import { appendField, statusMessage } from './wire.ts';

export interface DeltaDiscoveryRequest {
  /** envoy.config.core.v3.Node; only a stream's first request must have one. */
  readonly node: JsonObject | undefined;
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  readonly initialVersions: ReadonlyMap<string, string>;
  readonly nonce: string;
  readonly error: string | undefined;
}

/** Field numbers of envoy.service.discovery.v3.DeltaDiscoveryRequest. */
const REQUEST = { node: 1, typeUrl: 2, subscribe: 3, unsubscribe: 4, initialVersion: 5, nonce: 6, error: 7 } as const;
const NO_VERSIONS: ReadonlyMap<string, string> = new Map();

/**
 * @param withNode without it the node is passed over: it counts in a stream's first request
 * @throws ProtoError when the bytes are no DeltaDiscoveryRequest
 */
export function decodeDeltaRequest(bytes: Uint8Array, withNode: boolean): DeltaDiscoveryRequest {
  const fields = new FieldReader('envoy.service.discovery.v3.DeltaDiscoveryRequest', bytes);
  const nodes: Uint8Array[] = [];
  const subscribe: string[] = [];
  const unsubscribe: string[] = [];
  let initialVersions: Map<string, string> | undefined;
  let [typeUrl, nonce] = ['', ''];
  let error: string | undefined;
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    switch (field) {
      case REQUEST.node:
        nodes.push(fields.bytes());
        break;
      case REQUEST.typeUrl:
        typeUrl = fields.text();
        break;
      case REQUEST.subscribe:
        subscribe.push(fields.text());
        break;
      case REQUEST.unsubscribe:
        unsubscribe.push(fields.text());
        break;
      case REQUEST.initialVersion:
        initialVersions ??= new Map();
        initialVersions.set(...mapEntry(fields.bytes()));
        break;
      case REQUEST.nonce:
        nonce = fields.text();
        break;
      case REQUEST.error:
        error = statusMessage(fields.bytes()) || error;
        break;
      default:
        fields.skip();
    }
  }
  // A message that comes in parts is the one that its parts make together.
  const node = withNode && nodes.length > 0 ? decode('envoy.config.core.v3.Node', Buffer.concat(nodes)) : undefined;
  return { node, typeUrl, subscribe, unsubscribe, initialVersions: initialVersions ?? NO_VERSIONS, nonce, error };
}

function mapEntry(bytes: Uint8Array): [name: string, version: string] {
  const fields = new FieldReader('an entry of initial_resource_versions', bytes);
  let [name, version] = ['', ''];
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === 1) name = fields.text();
    else if (field === 2) version = fields.text();
    else fields.skip();
  }
  return [name, version];
}

/** Field numbers of envoy.service.discovery.v3.DeltaDiscoveryResponse. */
const RESPONSE = { version: 1, resource: 2, typeUrl: 4, nonce: 5, removed: 6 } as const;

/** Written by hand, so that resources are copied and not encoded again: many proxies get the same. */
export function encodeDeltaResponse(push: Push): Buffer {
  const parts: Uint8Array[] = [];
  appendField(parts, RESPONSE.version, Buffer.from(push.version));
  for (const resource of push.resources) appendWrapped(parts, RESPONSE.resource, resource, push);
  appendField(parts, RESPONSE.typeUrl, Buffer.from(push.type));
  appendField(parts, RESPONSE.nonce, Buffer.from(push.nonce));
  for (const name of push.removed) appendField(parts, RESPONSE.removed, Buffer.from(name));
  return Buffer.concat(parts);
}

/** Field numbers of envoy.service.discovery.v3.Resource. */
const RESOURCE = { version: 1, resource: 2, name: 3, ttl: 6 } as const;

function appendWrapped(parts: Uint8Array[], field: number, resource: Resource, { ttl, heartbeat }: Push): void {
  const withTtl = ttl && resource.ttlMs > 0;
  const inner = wrappedParts(resource, withTtl, !(withTtl && heartbeat));
  appendHead(parts, field, lengthOf(inner));
  parts.push(...inner);
}

/** The envoy.service.discovery.v3.Resource; the content in it is not copied. */
function wrappedParts(resource: Resource, withTtl: boolean, withBody: boolean): Uint8Array[] {
  const parts: Uint8Array[] = [];
  appendField(parts, RESOURCE.version, Buffer.from(resource.version));
  if (withBody) appendField(parts, RESOURCE.resource, resource.bytes);
  appendField(parts, RESOURCE.name, Buffer.from(resource.name));
  if (withTtl) appendField(parts, RESOURCE.ttl, encodeDuration(resource.ttlMs));
  return parts;
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

function appendHead(parts: Uint8Array[], field: number, length: number): void {
  const LENGTH_DELIMITED = 2;
  parts.push(Uint8Array.from([(field << 3) | LENGTH_DELIMITED, ...varint(length)]));
}

/** A google.protobuf.Duration. */
function encodeDuration(ms: number): Uint8Array {
  const SECONDS = 0x08;
  const NANOS = 0x10;
  const nanos = (ms % 1000) * 1_000_000;
  return Uint8Array.from([SECONDS, ...varint(Math.floor(ms / 1000)), ...(nanos > 0 ? [NANOS, ...varint(nanos)] : [])]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return bytes;
}

const RESOURCE_URL = 'type.googleapis.com/envoy.service.discovery.v3.Resource';
/** Field numbers of google.protobuf.Any. */
const ANY = { typeUrl: 1, value: 2 } as const;

/** In state of the world a resource travels as itself, and wrapped only for what it says of its time to live. */
export function sotwBytes(resource: Resource, withBody: boolean): Uint8Array {
  const parts: Uint8Array[] = [];
  appendField(parts, ANY.typeUrl, Buffer.from(RESOURCE_URL));
  appendField(parts, ANY.value, Buffer.concat(wrappedParts(resource, true, withBody)));
  return Buffer.concat(parts);
}
