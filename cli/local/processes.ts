/**
 * What /proc tells of processes: whether a pid still is the process that we started (a pid alone may have been given
 * to somebody else), and which processes descend from one.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Clock } from '../../control-plane/runtime/clock.ts';

/** One process for all time: the kernel never gives the same pid with the same start time twice. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of /proc/PID/stat. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
  readonly startTicks: string;
}

interface ProcessStat extends ProcessIdentity {
  readonly parent: number;
  readonly state: string;
}

/** Undefined when no such process lives; a zombie counts as gone. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat === undefined || stat.state === 'Z' ? undefined : { pid: stat.pid, startTicks: stat.startTicks };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTicks === identity.startTicks;
}

/** Every living process below `pid`, not `pid` itself. */
export function descendants(pid: number): ProcessIdentity[] {
  const byParent = new Map<number, ProcessStat[]>();
  for (const entry of readdirSync('/proc')) {
    const stat = /^\d+$/.test(entry) ? readStat(Number(entry)) : undefined;
    if (stat !== undefined) byParent.set(stat.parent, [...(byParent.get(stat.parent) ?? []), stat]);
  }
  const below = (parent: number): ProcessStat[] =>
    (byParent.get(parent) ?? []).flatMap((child) => [child, ...below(child.pid)]);
  return below(pid)
    .filter((stat) => stat.state !== 'Z')
    .map(({ pid: child, startTicks }) => ({ pid: child, startTicks }));
}

/** Sends a signal to the process if it still is the one meant. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, name);
  } catch (error) {
    // It ended between the look and the signal.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Resolves with those that still live after `limitMs`; [] as soon as none does. */
export async function waitUntilGone(
  identities: readonly ProcessIdentity[],
  limitMs: number,
  clock: Clock,
): Promise<readonly ProcessIdentity[]> {
  const deadline = clock.now() + limitMs;
  for (;;) {
    const alive = identities.filter(isAlive);
    if (alive.length === 0 || clock.now() >= deadline) return alive;
    await new Promise<void>((resolve) => {
      clock.after(20, resolve);
    });
  }
}

function readStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field, the command's name in parentheses, may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent, startTicks] = [fields[0], fields[1], fields[19]];
  if (state === undefined || parent === undefined || startTicks === undefined) return undefined;
  return { pid, state, parent: Number(parent), startTicks };
}
