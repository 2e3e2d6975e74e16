/** What is said to etcd: keys, conditions and changes as its v3 API has them. Pure. https://etcd.io/docs/v3.6/learning/api/ */
import type { JsonObject } from '../../../proto/json.ts';
import type { WireFields } from '../../runtime/wire-fields.ts';

/** One key as stored. */
export interface Stored {
  readonly key: string;
  /** '' where only keys were asked for. */
  readonly value: string;
  /** 1 for a new key, one more with each put; 0 in the event of a deletion. */
  readonly version: number;
  /** The store's revision at which the key came into being. */
  readonly createRevision: number;
  /** That it hangs on; '0' = none. */
  readonly lease: string;
}

/** Which keys: one, or all that begin with a prefix. */
export type Keys = { readonly key: string } | { readonly prefix: string };

export type Condition =
  /** 0 = the key is not there. */
  | { readonly kind: 'version'; readonly key: string; readonly version: number }
  | { readonly kind: 'created'; readonly key: string; readonly revision: number }
  | { readonly kind: 'value'; readonly key: string; readonly value: string };

export type Operation =
  | { readonly kind: 'put'; readonly key: string; readonly value: string /** '0' = none */; readonly lease: string }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'get'; readonly key: string };

export function rangeOf(keys: Keys): JsonObject {
  if ('key' in keys) return { key: base64(keys.key) };
  const end = Buffer.from(keys.prefix, 'utf8');
  // Prefixes are text that ends in '/': its last byte can be raised.
  end[end.length - 1]! += 1;
  return { key: base64(keys.prefix), range_end: end.toString('base64') };
}

export function conditionToWire(condition: Condition): JsonObject {
  const key = base64(condition.key);
  switch (condition.kind) {
    case 'version':
      return { target: 'VERSION', key, version: String(condition.version) };
    case 'created':
      return { target: 'CREATE', key, create_revision: String(condition.revision) };
    case 'value':
      return { target: 'VALUE', key, value: base64(condition.value) };
  }
}

export function operationToWire(operation: Operation): JsonObject {
  const key = base64(operation.key);
  switch (operation.kind) {
    case 'put':
      return { request_put: { key, value: base64(operation.value), lease: operation.lease } };
    case 'delete':
      return { request_delete_range: { key } };
    case 'get':
      return { request_range: { key } };
  }
}

export function storedFromWire(fields: WireFields): Stored {
  return {
    key: fromBase64(fields.text('key')),
    value: fromBase64(fields.text('value')),
    version: fields.count('version'),
    createRevision: fields.count('create_revision'),
    lease: fields.bits('lease').toString(),
  };
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}
