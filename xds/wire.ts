/** Discovery requests from bytes and responses to bytes. */
import { decode } from '../proto/codec.ts';
import { isObject, type JsonObject } from '../proto/json.ts';
import type { Push } from './session.ts';

export interface DiscoveryRequest {
  /** envoy.config.core.v3.Node; only a stream's first request must have one. */
  readonly node: JsonObject | undefined;
  readonly typeUrl: string;
  readonly names: readonly string[];
  readonly version: string;
  readonly nonce: string;
  readonly error: string | undefined;
}

/** @throws ProtoError when the bytes are no DiscoveryRequest */
export function decodeRequest(bytes: Uint8Array): DiscoveryRequest {
  const json = decode('envoy.service.discovery.v3.DiscoveryRequest', bytes);
  const names = Array.isArray(json.resource_names) ? json.resource_names : [];
  const error = json.error_detail;
  return {
    node: isObject(json.node) ? json.node : undefined,
    typeUrl: text(json, 'type_url'),
    names: names.filter((name) => typeof name === 'string'),
    version: text(json, 'version_info'),
    nonce: text(json, 'response_nonce'),
    error: isObject(error) ? text(error, 'message') || 'refused without a word' : undefined,
  };
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
  const parts: Uint8Array[] = [];
  appendField(parts, VERSION_INFO, Buffer.from(push.version));
  for (const resource of push.resources) appendField(parts, RESOURCES, resource.bytes);
  appendField(parts, TYPE_URL, Buffer.from(push.type));
  appendField(parts, NONCE, Buffer.from(push.nonce));
  return Buffer.concat(parts);
}

/** https://protobuf.dev/programming-guides/encoding/ */
export function appendField(parts: Uint8Array[], field: number, content: Uint8Array): void {
  const LENGTH_DELIMITED = 2;
  const head = [(field << 3) | LENGTH_DELIMITED];
  let rest = content.length;
  for (; rest >= 0x80; rest >>>= 7) head.push((rest & 0x7f) | 0x80);
  head.push(rest);
  parts.push(Uint8Array.from(head), content);
}
