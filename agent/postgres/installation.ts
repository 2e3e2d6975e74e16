/** PostgreSQL's programs of one version, and how one instance runs them. */
import path from 'node:path';
import { HowdahError } from '../../control-plane/model/errors.ts';
import type { User } from '../process/pdeathsig.ts';
import { type CommandResult, runCommand } from '../process/run-command.ts';

export interface Installation {
  readonly binDir: string;
  /** 15 to 18. */
  readonly major: number;
  /** Null: as the agent. */
  readonly user: User | null;
  /** Environment of every program of it. */
  readonly env: NodeJS.ProcessEnv;
}

/** The parts of a run that differ from tool to tool. */
export interface ToolRun {
  readonly args: readonly string[];
  readonly timeoutMs: number;
  readonly abort?: AbortSignal;
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
}

const LAST_LINES = 6;

/** A tool's exit code was not 0: `output` is what it wrote last. */
export class ToolError extends HowdahError {
  readonly output: string;
  constructor(tool: string, result: CommandResult) {
    const output = `${result.stdout}\n${result.stderr}`.trim();
    const last = output.split('\n').slice(-LAST_LINES).join(' | ');
    const how = result.ended === 'by-itself' ? `exit ${result.code ?? result.signal}` : `ended by ${result.ended}`;
    super('failed-precondition', `${tool} failed (${how}): ${last}`);
    this.output = output;
  }
}

/** @throws HowdahError `missing-dependency` when the programs are not there or of a version that Howdah doesn't know. */
export async function openInstallation(
  binDir: string,
  user: User | null,
  env: NodeJS.ProcessEnv,
): Promise<Installation> {
  const result = await runCommand({
    command: path.join(binDir, 'postgres'),
    args: ['--version'],
    user,
    env,
    timeoutMs: 10_000,
  });
  const major = Number(/ (\d+)/.exec(result.stdout)?.[1]);
  if (result.code !== 0 || !(major >= 15 && major <= 18)) {
    const told = (result.stdout + result.stderr).trim();
    throw new HowdahError('missing-dependency', `${binDir} holds no PostgreSQL 15 to 18 that can be run: ${told}`);
  }
  return { binDir, major, user, env };
}

/**
 * Runs one of PostgreSQL's tools to its end.
 * @throws ToolError when it fails, is aborted or takes too long.
 */
export async function runTool(installation: Installation, tool: string, run: ToolRun): Promise<CommandResult> {
  const result = await runCommand({
    command: path.join(installation.binDir, tool),
    user: installation.user,
    ...run,
    env: { ...installation.env, ...run.env, LC_ALL: 'C' },
  });
  if (result.code !== 0 || result.ended !== 'by-itself') throw new ToolError(tool, result);
  return result;
}
