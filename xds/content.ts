/** What a response carries of a difference: here alone the two variants of the protocol are not the same. */
import { type Difference, versionOfAll } from './diff.ts';
import { isGhost } from './ghost.ts';
import { contentHash, versionOf } from './hash.ts';
import type { Resource, ResourceSet, Resources } from './resource.ts';
import type { Variant } from './session-types.ts';
import type { TypeState } from './type-state.ts';

export interface Content {
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
  /** All that the proxy has of the type once it accepted. */
  readonly after: Resources;
  readonly version: string;
}

/** What tells a response from others: one that was refused is not sent again. */
export function fingerprintOf(variant: Variant, { resources, removed, version }: Omit<Content, 'after'>): string {
  // In state of the world the version is that of what the response carries.
  if (variant === 'sotw') return version;
  return contentHash(Buffer.from(`${versionOf(resources)}\n${removed.toSorted().join('\n')}`));
}

/**
 * undefined = there is nothing to say.
 * @param offered the snapshot's set of the type
 */
export function contentOf(
  variant: Variant,
  state: TypeState,
  wanted: Resources,
  offered: ResourceSet,
  { changed, removed }: Difference,
): Content | undefined {
  const isDifferent = changed.length > 0 || removed.length > 0 || state.owed;
  if (variant === 'delta') {
    // The version tells what the proxy has in all: that of a difference would say nothing to those who look.
    const version = versionOfAll(wanted, offered);
    return isDifferent ? { resources: changed, removed, after: wanted, version } : undefined;
  }
  if (state.type.fullState) {
    if (!isDifferent && state.uncertain.size === 0) return undefined;
    const resources = [...wanted.values()];
    if (resources.some(isGhost)) {
      const real = resources.filter((resource) => !isGhost(resource));
      return { resources: real, removed: [], after: wanted, version: versionOf(real) };
    }
    return { resources, removed: [], after: wanted, version: versionOfAll(wanted, offered) };
  }
  // What a response leaves out stays as it is.
  if (changed.length === 0 && !state.owed) return undefined;
  const kept = [...(state.known ?? [])].filter(([name]) => !wanted.has(name));
  const after = kept.length === 0 ? wanted : new Map([...kept, ...wanted]);
  return { resources: changed, removed: [], after, version: versionOf(changed) };
}
