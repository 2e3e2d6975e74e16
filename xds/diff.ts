/** What differs between what a proxy has and what it is to have. */
import { isGhost } from './ghost.ts';
import { versionOf } from './hash.ts';
import type { Resource, ResourceSet, Resources } from './resource.ts';

/** What the proxy has, as far as it is known. */
export interface Held {
  readonly known: Resources | undefined;
  /** Names of which it is open what the proxy has. */
  readonly uncertain: ReadonlySet<string>;
  /** Names that go out though unchanged. */
  readonly due: ReadonlySet<string>;
}

export interface Difference {
  /** New, of another version, uncertain or due. */
  readonly changed: readonly Resource[];
  /** The proxy has them, or may, or asked for them, and is to have nothing of that name. */
  readonly removed: readonly string[];
  /** Due names that can't go out yet. */
  readonly open: readonly string[];
}

const NO_DIFFERENCE: Difference = { changed: [], removed: [], open: [] };

/** @param offered what was asked for and is offered but not wanted is held back: it does exist */
export function difference({ known, uncertain, due }: Held, wanted: Resources, offered: Resources): Difference {
  if (known === wanted && uncertain.size === 0 && due.size === 0) return NO_DIFFERENCE;
  const changed: Resource[] = [];
  for (const resource of wanted.values()) {
    const { name } = resource;
    const isSame = known?.get(name)?.version === resource.version && !uncertain.has(name) && !due.has(name);
    if (!isSame && !isGhost(resource)) changed.push(resource);
  }
  const removed = new Set<string>();
  for (const name of known?.keys() ?? []) if (!wanted.has(name)) removed.add(name);
  for (const name of uncertain) if (!wanted.has(name)) removed.add(name);
  const open: string[] = [];
  for (const name of due) {
    if (wanted.has(name)) continue;
    if (offered.has(name)) open.push(name);
    else removed.add(name);
  }
  return { changed, removed: [...removed], open };
}

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

/** The set's own version, which is known, where the resources are all of it. */
export function versionOfAll(resources: Resources, set: ResourceSet): string {
  return resources === set.resources ? set.version : versionOf(resources.values());
}
