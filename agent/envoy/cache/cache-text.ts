/** The text of a cache file: resources with a checksum over them. Pure. */
import { createHash } from 'node:crypto';
import { isObject, type Json, type JsonObject } from '../../../proto/json.ts';
import type { CachedResources } from './cached-resources.ts';

const FORMAT = 1;

/** @param node Envoy's node id: the cache of one is nothing to start another with. */
export function cacheText(node: string, resources: CachedResources): string {
  const content = JSON.stringify({ format: FORMAT, node, ...resources });
  return `${content}\n${checksum(content)}\n`;
}

/** The resources, or what is wrong with the text. */
export function readCacheText(node: string, text: string): CachedResources | string {
  const [content = '', sum] = text.split('\n');
  if (sum !== checksum(content)) return 'its checksum is wrong';
  const json: Json = JSON.parse(content);
  if (!isObject(json) || json.format !== FORMAT) return 'it is of another version';
  if (json.node !== node) return `it belongs to ${String(json.node)}`;
  return { clusters: objects(json.clusters), endpoints: objects(json.endpoints), listeners: objects(json.listeners) };
}

function objects(json: Json | undefined): JsonObject[] {
  return Array.isArray(json) ? json.filter(isObject) : [];
}

function checksum(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
