/** What differs between what a proxy has and what it is to have. */
import { hash } from 'node:crypto';
import type { Resource, Resources } from './resource.ts';

/** Same names, same versions. */
export function sameResources(a: Resources, b: Resources): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [name, resource] of a) {
    if (b.get(name)?.version !== resource.version) return false;
  }
  return true;
}

/** Those of `wanted` that are new or of another version. */
export function changedResources(wanted: Resources, had: Resources): Resource[] {
  return [...wanted.values()].filter((resource) => had.get(resource.name)?.version !== resource.version);
}

/** The version of a response: the same content has the same, whatever the order. Also across restarts. */
export function versionOf(resources: Iterable<Resource>): string {
  const lines = Array.from(resources, (resource) => `${resource.name}\n${resource.version}\n`).sort();
  return contentHash(lines.join(''));
}

/** 64 bits in hexadecimal: enough to tell versions apart, short enough to read in a log. */
export function contentHash(content: string | Uint8Array): string {
  return hash('sha256', content, 'hex').slice(0, 16);
}
