/** The `ip` command of iproute2. https://man7.org/linux/man-pages/man8/ip.8.html */
import { execFileSync } from 'node:child_process';

/** Where named network namespaces are. */
export const NAMESPACES = '/run/netns';

/** @param command words with blanks between them; returns what it wrote. Throws when it fails. */
export function ip(command: string): string {
  return execFileSync('ip', command.trim().split(/ +/), { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
}
