/** Who runs first where processes wait for a processor. */
import { existsSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Niceness; 0 is everybody's, -20 the first. */
const FIRST = -10;

/**
 * The process runs before others. For the few whose milliseconds everybody waits for: in a failover dozens of processes
 * wake up at once, and on two processors the one that routes their sessions, and the Envoy that is to end them, lost 10
 * to 30 ms to them. Only root may. To be called before a process has begun threads: those that it has keep what they have.
 * Where the kernel groups processes by session, a niceness counts within the group only, so the group gets it too.
 * https://man7.org/linux/man-pages/man7/sched.7.html
 *
 * @param pid default: this process
 * @param groupFile where the kernel takes the niceness of its group; where there is none, the kernel has no groups
 * @returns '', or why it goes on like everybody else
 */
export function takePrecedence(pid: number = process.pid, groupFile = `/proc/${pid}/autogroup`): string {
  try {
    setPriority(pid, FIRST);
    if (existsSync(groupFile)) raiseGroup(groupFile);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function raiseGroup(groupFile: string): void {
  try {
    writeFileSync(groupFile, String(FIRST));
  } catch (error) {
    // The kernel's answer for a process outside every session's group, as a container's first ones can be: there its own
    // niceness counts.
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
  }
}
