/** What a response carries of a difference: here alone the two variants of the protocol are not the same. */
import { contentHash, type Difference, versionOf } from './diff.ts';
import { isGhost } from './ghost.ts';
import type { Resource, Resources } from './resource.ts';
import type { Variant } from './session-types.ts';
import type { TypeState } from './type-state.ts';

export interface Content {
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
  /** All that the proxy has of the type once it accepted. */
  readonly after: Resources;
  readonly version: string;
  /** What tells this response from others: one that was refused is not sent again. */
  readonly fingerprint: string;
}

/** undefined = there is nothing to say. */
export function contentOf(
  variant: Variant,
  state: TypeState,
  wanted: Resources,
  { changed, removed }: Difference,
): Content | undefined {
  const isDifferent = changed.length > 0 || removed.length > 0 || state.owed;
  if (variant === 'delta') return isDifferent ? deltaContent(changed, removed, wanted) : undefined;
  if (state.type.fullState) {
    if (!isDifferent && state.uncertain.size === 0) return undefined;
    return sotwContent(
      [...wanted.values()].filter((resource) => !isGhost(resource)),
      wanted,
    );
  }
  // What a response leaves out stays as it is.
  if (changed.length === 0 && !state.owed) return undefined;
  const kept = [...(state.known ?? [])].filter(([name]) => !wanted.has(name));
  return sotwContent(changed, kept.length === 0 ? wanted : new Map([...kept, ...wanted]));
}

function sotwContent(resources: readonly Resource[], after: Resources): Content {
  const version = versionOf(resources);
  return { resources, removed: [], after, version, fingerprint: version };
}

/** The version tells what the proxy has in all: that of a difference would say nothing to those who look. */
function deltaContent(resources: readonly Resource[], removed: readonly string[], after: Resources): Content {
  const fingerprint = contentHash(`${versionOf(resources)}\n${removed.toSorted().join('\n')}`);
  return { resources, removed, after, version: versionOf(after.values()), fingerprint };
}
