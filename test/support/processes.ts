import { readdirSync, readFileSync } from 'node:fs';
import { NotYet, until } from './until.ts';

/** One process as /proc shows it. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  /** One letter: R running, S sleeping, T stopped, Z a zombie, ... */
  readonly state: string;
  /** Start in clock ticks since boot: with the pid it names one process for good. */
  readonly startTicks: string;
  readonly command: string;
}

/** Undefined when there is no such process. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
export function processInfo(pid: number): ProcessInfo | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    // The name in parentheses may hold spaces and parentheses itself.
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, state: fields[0]!, parent: Number(fields[1]), startTicks: fields[19]!, command: command || name };
  } catch {
    return undefined;
  }
}

/** Running means: there, and not a zombie that waits to be reaped. */
export function isRunning(pid: number): boolean {
  const info = processInfo(pid);
  return info !== undefined && info.state !== 'Z' && info.state !== 'X';
}

/** All running processes that the predicate takes. */
export function findProcesses(matches: (info: ProcessInfo) => boolean): ProcessInfo[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => processInfo(Number(name)))
    .filter((info) => info !== undefined)
    .filter((info) => info.state !== 'Z' && info.state !== 'X' && matches(info));
}

/** The running descendants of a process, without itself. */
export function descendants(pid: number): ProcessInfo[] {
  const all = findProcesses(() => true);
  const found: ProcessInfo[] = [];
  let parents = new Set([pid]);
  while (parents.size > 0) {
    const children = all.filter((info) => parents.has(info.parent));
    found.push(...children);
    parents = new Set(children.map((info) => info.pid));
  }
  return found;
}

/** Processes whose command line names the directory: PostgreSQL, Envoy and agents all carry theirs. */
export function processesOf(directory: string): ProcessInfo[] {
  return findProcesses((info) => info.pid !== process.pid && info.command.includes(directory));
}

/** Fails, naming them, unless every one of these processes ends within the time. Default 2000 ms. */
export async function expectNoProcess(pids: readonly number[], timeoutMs = 2000): Promise<void> {
  await until(() => gone(pids.filter(isRunning).map(processInfo)), { what: 'processes to end', timeoutMs });
}

/** The same for all processes that name the directory. */
export async function expectNoProcessOf(directory: string, timeoutMs = 2000): Promise<void> {
  await until(() => gone(processesOf(directory)), { what: `processes of ${directory} to end`, timeoutMs });
}

function gone(left: readonly (ProcessInfo | undefined)[]): true | NotYet {
  return left.length === 0 ? true : new NotYet(left.map((info) => `${info?.pid} ${info?.command}`));
}
