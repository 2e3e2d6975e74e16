/** What a person's request is answered with. */
import type { Decision } from './decision.ts';

export type Answer =
  /** Each reason a sentence that says what to do. */
  | { readonly kind: 'refused'; readonly reasons: readonly string[] }
  /** It is so already. */
  | { readonly kind: 'nothing'; readonly text: string }
  /** To be stored: then it is under way. */
  | { readonly kind: 'step'; readonly decision: Decision };

export function refused(...reasons: string[]): Answer {
  return { kind: 'refused', reasons };
}

export function noInstance(instance: string, names: readonly string[]): string {
  return `there is no instance ${instance}: the instances are ${names.join(', ')}`;
}
