/** The text of a cache file. Pure. */
import { isObject, type Json, type JsonObject } from '../../../proto/json.ts';
import { seal, unseal } from '../../sealed-text.ts';
import type { CachedResources } from './cached-resources.ts';

const FORMAT = 1;

/** @param node Envoy's node id: the cache of one is nothing to start another with. */
export function cacheText(node: string, { clusters, endpoints, listeners }: CachedResources): string {
  return seal({ format: FORMAT, node, clusters, endpoints, listeners });
}

/** The resources, or what is wrong with the text. */
export function readCacheText(node: string, text: string): CachedResources | string {
  const json = unseal(text);
  if (!isObject(json)) return 'its checksum is wrong';
  if (json.format !== FORMAT) return 'it is of another version';
  if (json.node !== node) return `it belongs to ${String(json.node)}`;
  return { clusters: objects(json.clusters), endpoints: objects(json.endpoints), listeners: objects(json.listeners) };
}

function objects(json: Json | undefined): JsonObject[] {
  return Array.isArray(json) ? json.filter(isObject) : [];
}
