import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Host } from './host.ts';

/**
 * Where fetched programs are kept: `$XDG_CACHE_HOME/howdah`, by default `~/.cache/howdah`. Root's home is usually closed
 * to others while PostgreSQL runs as another user, so root uses /var/cache/howdah unless its own cache can be entered.
 * https://specifications.freedesktop.org/basedir-spec/latest/
 */
export function cacheDirectory(host: Host): string {
  const configured = host.env.XDG_CACHE_HOME;
  // The specification says that a relative path there is to be ignored.
  const base = configured?.startsWith('/') ? configured : `${host.home}/.cache`;
  const own = `${base}/howdah`;
  return host.uid === 0 && !othersMayEnter(own) ? host.sharedCache : own;
}

/** Whether any user may pass through the directory and all above it; those that don't exist yet are as we make them. */
function othersMayEnter(directory: string): boolean {
  for (let at = directory; ; at = dirname(at)) {
    const mode = statSync(at, { throwIfNoEntry: false })?.mode;
    if (mode !== undefined && (mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}
