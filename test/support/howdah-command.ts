/** A command of Howdah as a process of its own, as a person runs it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { HOWDAH } from './howdah-up.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const run = promisify(execFile);

/** Never throws because of what the command answers: its exit code is part of the result. */
export async function howdah(stateDir: string, command: string, ...args: readonly string[]): Promise<CommandResult> {
  try {
    return { code: 0, ...(await run(process.execPath, [HOWDAH, command, '--state-dir', stateDir, ...args])) };
  } catch (error) {
    const { code, stdout, stderr } = error as CommandResult;
    if (typeof code !== 'number') throw error;
    return { code, stdout, stderr };
  }
}
