import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { HowdahError } from '../../control-plane/model/errors.ts';
import { readProcess } from './proc.ts';

/**
 * Ends what an agent that is gone left running. Normally there is nothing: the kernel ends an agent's children with it.
 * A pid file proves nothing by itself, since the number may belong to any process by now; so /proc has to say that it is
 * that very program for that very directory.
 */

const POLL_MS = 5;

/**
 * Sends `signal` to the process that the first line of `pidFile` names, if `verify` knows it, and waits until it is
 * gone. Answers the pid that was ended, or 0 when nothing was left.
 * @throws HowdahError `deadline-exceeded` when it is still there after `timeoutMs`.
 */
export async function endLeftover(
  pidFile: string,
  verify: (cmdline: readonly string[], exe: string) => boolean,
  signal: NodeJS.Signals,
  timeoutMs = 10_000,
): Promise<number> {
  const pid = await readPidFile(pidFile);
  if (pid === 0) return 0;
  const found = readProcess(pid);
  if (found === undefined || !verify(found.cmdline, found.exe)) return 0;

  process.kill(pid, signal);
  const deadline = performance.now() + timeoutMs;
  while (readProcess(pid)?.startTime === found.startTime) {
    if (performance.now() > deadline) {
      throw new HowdahError(
        'deadline-exceeded',
        `process ${pid}, left by an earlier agent and named by ${pidFile}, is still there ${timeoutMs} ms after ` +
          `${signal}: end it by hand and start again`,
      );
    }
    await sleep(POLL_MS);
  }
  return pid;
}

/** 0 when the file is missing or holds no process id. */
async function readPidFile(file: string): Promise<number> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return 0;
  }
  const pid = Number(text.split('\n', 1)[0]?.trim());
  // 0 and negative numbers would signal whole groups, 1 is init.
  return Number.isSafeInteger(pid) && pid > 1 && pid !== process.pid ? pid : 0;
}
