import { constants } from 'node:fs';
import { access } from 'node:fs/promises';

/** Where a program was found. */
export type BinarySource =
  /** Named by an option or an environment variable. */
  | 'setting'
  /** On PATH. */
  | 'path'
  /** In the operating system's own place for it. */
  | 'system'
  /** In Howdah's cache. */
  | 'fetched';

/** What came of trying one place. */
export type Trial<Found> =
  | { readonly kind: 'found'; readonly found: Found }
  /** Something is there that can't be used. */
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'absent' };

export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
