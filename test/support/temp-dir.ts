import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new directory that is gone when the block that holds it is left: `using dir = tempDir()`. */
export interface TempDir extends Disposable {
  readonly path: string;
  remove(): void;
}

/** The path is short: a unix socket's path may have only 107 bytes. */
export function tempDir(prefix = 'howdah-'): TempDir {
  const path = mkdtempSync(join(tmpdir(), prefix));
  // Postmasters and Envoys that are just ending may still write into it.
  const remove = () => rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  return { path, remove, [Symbol.dispose]: remove };
}
