import { readFileSync, readlinkSync } from 'node:fs';

/**
 * What Linux tells of a process under /proc.
 * https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export interface ProcessFacts {
  readonly pid: number;
  /** Clock ticks since boot; with the pid it names one process for ever. */
  readonly startTime: string;
  readonly cmdline: readonly string[];
  /** The program's file; '' when this user may not see it. */
  readonly exe: string;
}

/** Undefined when there is no such process, or only what a parent hasn't waited for yet. */
export function readProcess(pid: number): ProcessFacts | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const cmdline = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    return { pid, startTime: fields[19] ?? '', cmdline, exe: readExe(pid) };
  } catch {
    return undefined;
  }
}

function readExe(pid: number): string {
  try {
    // A program that was replaced by an upgrade meanwhile is still that program.
    return readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '');
  } catch {
    return '';
  }
}
