/**
 * Lock files of a postmaster that is gone. PostgreSQL itself refuses to start while the process they name can be
 * signalled, and one that nobody has waited for yet still can be: where the first process of a container reaps late or
 * never, that would keep a killed instance down.
 */
import { readFileSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { readProcess } from '../process/proc.ts';

/** Only to be called when no process works in the data directory any more. Answers the files that were removed. */
export function removeStaleLocks(dataDirectory: string, socketDir: string): string[] {
  const files = [path.join(dataDirectory, 'postmaster.pid'), path.join(socketDir, '.s.PGSQL.5432.lock')];
  return files.filter((file) => {
    const pid = lockedBy(file);
    if (pid === undefined || readProcess(pid)) return false;
    unlinkSync(file);
    return true;
  });
}

/** The first line of either file; undefined without a file or a number in it. */
function lockedBy(file: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  // A postmaster in its last moments, or a standalone backend, is named by a negative number.
  const pid = Math.abs(Number.parseInt(text, 10));
  return Number.isFinite(pid) && pid > 0 ? pid : undefined;
}
