/**
 * Ends processes of PostgreSQL that outlived their postmaster or their agent. Every one of them has the data directory
 * as its working directory, which no pid file has to be believed for. A backend that is busy doesn't notice that its
 * postmaster is gone; until it ends, the directory can neither be started nor rewound.
 */
import { readdirSync, readlinkSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HowdahError } from '../../control-plane/model/errors.ts';
import { readProcess } from '../process/proc.ts';

const TIMEOUT_MS = 10_000;
const POLL_MS = 5;

/** SIGKILL: a WAL writer that ends in disorder is what crash recovery is for. Answers the pids that were ended. */
export async function endProcessesOf(dataDirectory: string): Promise<number[]> {
  const ended = new Set<number>();
  const deadline = performance.now() + TIMEOUT_MS;
  for (let found = processesOf(dataDirectory); found.length > 0; found = processesOf(dataDirectory)) {
    if (performance.now() > deadline) {
      throw new HowdahError(
        'deadline-exceeded',
        `processes ${found.join(', ')} of ${dataDirectory} don't end: end them by hand and start again`,
      );
    }
    for (const pid of found) {
      ended.add(pid);
      kill(pid);
    }
    await sleep(POLL_MS);
  }
  return [...ended];
}

function processesOf(dataDirectory: string): number[] {
  const real = realPath(dataDirectory);
  if (real === undefined) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        if (readlinkSync(`/proc/${pid}/cwd`) !== real) return false;
      } catch {
        return false;
      }
      return path.basename(readProcess(pid)?.exe ?? '') === 'postgres';
    });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

function realPath(directory: string): string | undefined {
  try {
    return realpathSync(directory);
  } catch {
    return undefined;
  }
}
