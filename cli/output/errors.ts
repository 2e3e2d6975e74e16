/** An error as a person at a terminal reads it: one line, then every mistake below it. */
import { ERROR_CODES, type HowdahError, type Problem } from '../../control-plane/model/errors.ts';
import type { Colors } from './colors.ts';

export function formatError(error: HowdahError, colors: Colors): string {
  // A message that only repeats its one problem would be read twice.
  const problems = error.problems.filter((problem) => error.message !== `${problem.path} ${problem.message}`);
  const lines = [
    `${colors.red('howdah:')} ${error.message}`,
    ...problems.map((problem) => `  ${formatProblem(problem)}`),
  ];
  if (error.code === 'internal' && error.cause instanceof Error && error.cause.stack !== undefined) {
    lines.push(colors.dim(error.cause.stack));
  }
  return `${lines.join('\n')}\n`;
}

/** `FILE:LINE: PATH: MESSAGE`, without what is not known of it. */
export function formatProblem(problem: Problem & { readonly file?: string }): string {
  const line = problem.line === undefined ? '' : String(problem.line);
  if (problem.file === undefined) return `${problem.path}${line === '' ? '' : ` (line ${line})`}: ${problem.message}`;
  const path = problem.path === problem.file ? '' : `${problem.path}: `;
  return `${problem.file}:${line}: ${path}${problem.message}`;
}

export function exitCodeOf(error: HowdahError): number {
  return ERROR_CODES[error.code].exit;
}
