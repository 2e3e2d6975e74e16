/**
 * The client status discovery service's messages: who is meant by a request, and what each proxy has as a ClientConfig.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/status/v3/csds.proto
 */
import { decode } from '../proto/decode.ts';
import { encode } from '../proto/encode.ts';
import { fieldHead } from '../proto/field-writer.ts';
import type { JsonObject } from '../proto/json.ts';
import { redact } from '../proto/redact.ts';
import { ANY } from '../proto/well-known.ts';
import type { ResourceState, ResourceStatus, TypeContents } from './contents.ts';
import { compileNodeMatchers, type MatcherProblem, type NodePredicate } from './node-matcher.ts';
import type { Resource } from './resource.ts';

/** One connected proxy. */
export interface ClientContents {
  /** envoy.config.core.v3.Node */
  readonly details: JsonObject;
  readonly types: readonly TypeContents[];
}

export interface ClientStatusQuery {
  readonly matches: NodePredicate;
  /** Versions and states only. */
  readonly excludeContents: boolean;
  /** What is wrong with the filters; nothing is answered then. */
  readonly problems: readonly MatcherProblem[];
}

/** @throws ProtoError when the bytes are no ClientStatusRequest */
export function decodeQuery(bytes: Uint8Array): ClientStatusQuery {
  const json = decode('envoy.service.status.v3.ClientStatusRequest', bytes);
  const matchers = Array.isArray(json.node_matchers) ? json.node_matchers : [];
  return { ...compileNodeMatchers(matchers), excludeContents: json.exclude_resource_contents === true };
}

const CLIENT_CONFIG = 'envoy.service.status.v3.ClientConfig';
const GENERIC_XDS_CONFIG = 'envoy.service.status.v3.ClientConfig.GenericXdsConfig';
const FAILURE = 'envoy.admin.v3.UpdateFailureState';

/** Field numbers. Resources are appended as they are: many proxies have the same. */
const CONFIGS_OF_RESPONSE = 1;
const GENERIC_OF_CLIENT = 3;
const XDS_CONFIG = 4;
const ERROR_STATE = 8;
const FAILED_CONFIGURATION = 1;

/** A ClientStatusResponse of encoded ClientConfigs. */
export function joinClients(clients: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const client of clients) appendField(parts, CONFIGS_OF_RESPONSE, client);
  return Buffer.concat(parts);
}

/** A ClientConfig, encoded. */
export function encodeClient(client: ClientContents, excludeContents: boolean): Buffer {
  const parts: Uint8Array[] = [encode(CLIENT_CONFIG, { node: client.details })];
  for (const type of client.types) {
    for (const resource of type.resources) {
      appendField(parts, GENERIC_OF_CLIENT, encodeResource(type, resource, excludeContents));
    }
  }
  return Buffer.concat(parts);
}

/** Shows what is in force where the proxy refused something, else what it is to have. */
function encodeResource(type: TypeContents, status: ResourceStatus, excludeContents: boolean): Buffer {
  const { name, state, wanted, acked } = status;
  const shown = state === 'refused' ? acked : (wanted ?? acked);
  const at = state === 'sent' ? type.sentAt : type.ackedAt;
  const json: JsonObject = {
    type_url: type.type,
    name,
    ...(shown && { version_info: shown.version }),
    ...(state !== 'not-sent' && at !== null && { last_updated: timestamp(at) }),
    ...STATUS[state],
  };
  const parts: Uint8Array[] = [encode(GENERIC_XDS_CONFIG, json)];
  if (shown && !excludeContents) appendField(parts, XDS_CONFIG, shownBytes(shown));
  if (state === 'refused' && type.rejection) {
    const { error, at, version } = type.rejection;
    const failure: Uint8Array[] = [
      encode(FAILURE, { details: error, version_info: version, last_update_attempt: timestamp(at) }),
    ];
    if (wanted && !excludeContents) appendField(failure, FAILED_CONFIGURATION, shownBytes(wanted));
    appendField(parts, ERROR_STATE, Buffer.concat(failure));
  }
  return Buffer.concat(parts);
}

const STATUS: Readonly<Record<ResourceState, JsonObject>> = {
  synced: { config_status: 'SYNCED', client_status: 'ACKED' },
  sent: { config_status: 'STALE', client_status: 'REQUESTED' },
  'not-sent': { config_status: 'NOT_SENT', client_status: 'REQUESTED' },
  refused: { config_status: 'ERROR', client_status: 'NACKED' },
};

const withoutSecrets = new WeakMap<Resource, Uint8Array>();

/** The google.protobuf.Any without private keys. */
function shownBytes(resource: Resource): Uint8Array {
  const known = withoutSecrets.get(resource);
  if (known) return known;
  const plain = decode(ANY, resource.bytes);
  const bytes = encode(ANY, redact(ANY, plain));
  // The same bytes again would be kept twice.
  const shown = Buffer.compare(bytes, resource.bytes) === 0 ? resource.bytes : bytes;
  withoutSecrets.set(resource, shown);
  return shown;
}

function timestamp(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

function appendField(parts: Uint8Array[], field: number, content: Uint8Array): void {
  parts.push(fieldHead(field, content.length), content);
}
