/**
 * DIR/children.json: the processes of a run. When `up` is killed its children stop by themselves, which takes them a
 * moment; the next `up` waits for that, or it would find their ports taken and their directories in use.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { Clock } from '../../control-plane/runtime/clock.ts';
import { descendants, isAlive, type ProcessIdentity, signal, waitUntilGone } from './processes.ts';

const children = z.array(z.object({ name: z.string(), pid: z.int().min(1), startTicks: z.string() }));
export type RecordedChild = z.output<typeof children>[number];

export function writeChildren(file: string, value: readonly RecordedChild[]): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(value)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export function removeChildren(file: string): void {
  rmSync(file, { force: true });
}

/** Those of the last run that still live. A file that can't be read names nobody: it is only a help. */
export function leftChildren(file: string): RecordedChild[] {
  try {
    return children.parse(JSON.parse(readFileSync(file, 'utf8'))).filter(isAlive);
  } catch {
    return [];
  }
}

/** Ends processes with all that descends from them: SIGTERM, then SIGKILL after `limitMs`. */
export async function endAll(roots: readonly ProcessIdentity[], limitMs: number, clock: Clock): Promise<void> {
  const all = [...roots, ...roots.flatMap((root) => descendants(root.pid))];
  for (const root of roots) signal(root, 'SIGTERM');
  const remaining = await waitUntilGone(all, limitMs, clock);
  for (const process of remaining) signal(process, 'SIGKILL');
  await waitUntilGone(remaining, limitMs, clock);
}
