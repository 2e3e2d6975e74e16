/** A resource of which only the version is known: a proxy brought it from an earlier stream. It is never sent. */
import { markOf } from './hash.ts';
import type { Resource } from './resource.ts';
import type { TypeUrl } from './type-urls.ts';

const NOTHING = new Uint8Array();

export function ghostOf(typeUrl: TypeUrl, name: string, version: string): Resource {
  const mark = markOf(name, version);
  return { typeUrl, name, version, mark, bytes: NOTHING, mentions: [], endpointName: '', relations: [], ttlMs: 0 };
}

export function isGhost(resource: Resource): boolean {
  return resource.bytes === NOTHING;
}
