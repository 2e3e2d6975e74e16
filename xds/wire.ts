/** Discovery requests from bytes and responses to bytes. */
import { decode } from '../proto/decode.ts';
import { FieldReader } from '../proto/field-reader.ts';
import { FieldWriter } from '../proto/field-writer.ts';
import type { JsonObject } from '../proto/json.ts';
import type { Push } from './session-types.ts';
import { TYPES } from './type-urls.ts';
import { writeWrappedAny } from './wire-delta.ts';

export interface DiscoveryRequest {
  /** envoy.config.core.v3.Node; only a stream's first request must have one. */
  readonly node: JsonObject | undefined;
  readonly typeUrl: string;
  readonly names: readonly string[];
  readonly version: string;
  readonly nonce: string;
  readonly error: string | undefined;
}

/** Field numbers of envoy.service.discovery.v3.DiscoveryRequest. */
const REQUEST = { version: 1, node: 2, name: 3, typeUrl: 4, nonce: 5, error: 6 } as const;
/** Of google.rpc.Status. */
const STATUS_MESSAGE = 2;

/**
 * Read by hand: a proxy answers each response with one, and all of them at once when many get the same change.
 * @param withNode without it the node is passed over: it counts in a stream's first request, where it is most of it
 * @throws ProtoError when the bytes are no DiscoveryRequest
 */
export function decodeRequest(bytes: Uint8Array, withNode: boolean): DiscoveryRequest {
  const fields = new FieldReader('envoy.service.discovery.v3.DiscoveryRequest', bytes);
  const names: string[] = [];
  const nodes: Uint8Array[] = [];
  let [version, typeUrl, nonce] = ['', '', ''];
  let error: string | undefined;
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    switch (field) {
      case REQUEST.version:
        version = fields.text();
        break;
      case REQUEST.node:
        nodes.push(fields.bytes());
        break;
      case REQUEST.name:
        names.push(fields.text());
        break;
      case REQUEST.typeUrl:
        typeUrl = fields.text();
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
  return { node, typeUrl, names, version, nonce, error };
}

export function statusMessage(bytes: Uint8Array): string {
  const fields = new FieldReader('google.rpc.Status', bytes);
  let message = 'refused without a word';
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === STATUS_MESSAGE) message = fields.text() || message;
    else fields.skip();
  }
  return message;
}

/** The field '' when absent. */
export function text(json: JsonObject, field: string): string {
  const value = json[field];
  return typeof value === 'string' ? value : '';
}

/** Field numbers of envoy.service.discovery.v3.DiscoveryResponse. */
const VERSION_INFO = 1;
const RESOURCES = 2;
const TYPE_URL = 4;
const NONCE = 5;

/** Written by hand, so that resources are copied and not encoded again: many proxies get the same. */
export function encodeResponse(push: Push): Buffer {
  const response = new FieldWriter();
  response.text(VERSION_INFO, push.version);
  const withBody = !push.heartbeat || TYPES[push.type].fullState;
  for (const resource of push.resources) {
    if (push.ttl && resource.ttlMs > 0) writeWrappedAny(response, RESOURCES, resource, withBody);
    else response.bytes(RESOURCES, resource.bytes);
  }
  response.text(TYPE_URL, push.type);
  response.text(NONCE, push.nonce);
  return response.finish();
}
