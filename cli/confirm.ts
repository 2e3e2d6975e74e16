/** Asks before something that clients notice. */
import { createInterface } from 'node:readline/promises';
import { HowdahError } from '../control-plane/model/errors.ts';
import type { Io } from './io.ts';

/**
 * Asked only where somebody can answer: a script that forgot --yes must not hang.
 * @param question without the `[y/N]`; only called when it is asked
 * @throws HowdahError `failed-precondition` when the answer is no
 */
export async function confirm(io: Io, yes: boolean | undefined, question: () => Promise<string>): Promise<void> {
  if (yes === true || !io.isTerminal || !process.stdin.isTTY) return;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${await question()} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new HowdahError('failed-precondition', 'nothing was changed');
  } finally {
    terminal.close();
  }
}
