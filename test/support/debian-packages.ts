/** Programs and libraries of Debian, unpacked into Howdah's cache: nothing is installed. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory, thisHost } from '../../control-plane/runtime/binaries/index.ts';

/**
 * Directory in which they are unpacked as under `/`; fetched by apt if they aren't there yet.
 * @throws Error when apt-get or dpkg-deb fails, or is not there.
 */
export function debianPackages(name: string, packages: readonly string[]): string {
  return fetchedOnce(name, (into) => {
    mkdirSync(into, { mode: 0o755 });
    execFileSync('apt-get', ['download', '--quiet', ...packages], { cwd: into, stdio: ['ignore', 'ignore', 'pipe'] });
    for (const file of readdirSync(into).filter((entry) => entry.endsWith('.deb'))) {
      execFileSync('dpkg-deb', ['-x', file, '.'], { cwd: into, stdio: ['ignore', 'ignore', 'pipe'] });
    }
  });
}

/** A directory in the cache that is there whole or not at all; `make` makes it where it is not. */
export function fetchedOnce(name: string, make: (into: string) => void): string {
  const directory = fetchedDirectory(name);
  if (existsSync(directory)) return directory;
  const work = `${directory}.unfinished`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(join(work, '..'), { recursive: true, mode: 0o755 });
  make(work);
  renameSync(work, directory);
  return directory;
}

/** Where it is, or would be. */
export function fetchedDirectory(name: string): string {
  return join(cacheDirectory(thisHost()), 'test', name);
}
