/** Delta discovery: requests from bytes and responses to bytes; and what a time to live adds to either variant. */
import { decode } from '../proto/decode.ts';
import { FieldReader } from '../proto/field-reader.ts';
import { ANY_FIELDS, FieldWriter, fieldBytes, varintBytes } from '../proto/field-writer.ts';
import type { JsonObject } from '../proto/json.ts';
import type { Resource } from './resource.ts';
import type { Push } from './session-types.ts';
import { statusMessage } from './wire.ts';

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
  const response = new FieldWriter();
  response.text(RESPONSE.version, push.version);
  for (const resource of push.resources) {
    const ttlMs = push.ttl ? resource.ttlMs : 0;
    const withBody = ttlMs === 0 || !push.heartbeat;
    response.head(RESPONSE.resource, wrappedBytes(resource, ttlMs, withBody));
    writeWrapped(response, resource, ttlMs, withBody);
  }
  response.text(RESPONSE.typeUrl, push.type);
  response.text(RESPONSE.nonce, push.nonce);
  for (const name of push.removed) response.text(RESPONSE.removed, name);
  return response.finish();
}

const RESOURCE_URL = 'type.googleapis.com/envoy.service.discovery.v3.Resource';

/** In state of the world a resource travels as itself, and wrapped only for what it says of its time to live. */
export function writeWrappedAny(to: FieldWriter, field: number, resource: Resource, withBody: boolean): void {
  const length = wrappedBytes(resource, resource.ttlMs, withBody);
  to.head(field, fieldBytes(ANY_FIELDS.typeUrl, RESOURCE_URL.length) + fieldBytes(ANY_FIELDS.value, length));
  to.text(ANY_FIELDS.typeUrl, RESOURCE_URL);
  to.head(ANY_FIELDS.value, length);
  writeWrapped(to, resource, resource.ttlMs, withBody);
}

/** Field numbers of envoy.service.discovery.v3.Resource. */
const RESOURCE = { version: 1, resource: 2, name: 3, ttl: 6 } as const;

/** The fields of an envoy.service.discovery.v3.Resource. */
function writeWrapped(to: FieldWriter, resource: Resource, ttlMs: number, withBody: boolean): void {
  to.text(RESOURCE.version, resource.version);
  if (withBody) to.bytes(RESOURCE.resource, resource.bytes);
  to.text(RESOURCE.name, resource.name);
  if (ttlMs === 0) return;
  const { seconds, nanos } = durationOf(ttlMs);
  to.head(RESOURCE.ttl, durationBytes(ttlMs));
  to.varint(DURATION.seconds * 8);
  to.varint(seconds);
  if (nanos === 0) return;
  to.varint(DURATION.nanos * 8);
  to.varint(nanos);
}

/** How long they are together. */
function wrappedBytes(resource: Resource, ttlMs: number, withBody: boolean): number {
  return (
    fieldBytes(RESOURCE.version, Buffer.byteLength(resource.version)) +
    (withBody ? fieldBytes(RESOURCE.resource, resource.bytes.length) : 0) +
    fieldBytes(RESOURCE.name, Buffer.byteLength(resource.name)) +
    (ttlMs === 0 ? 0 : fieldBytes(RESOURCE.ttl, durationBytes(ttlMs)))
  );
}

/** Field numbers of google.protobuf.Duration. */
const DURATION = { seconds: 1, nanos: 2 } as const;

function durationOf(ms: number): { seconds: number; nanos: number } {
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1_000_000 };
}

function durationBytes(ms: number): number {
  const { seconds, nanos } = durationOf(ms);
  return 1 + varintBytes(seconds) + (nanos === 0 ? 0 : 1 + varintBytes(nanos));
}
