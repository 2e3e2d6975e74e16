/** The command line: its commands, and what becomes of an error. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { Command, CommanderError } from 'commander';
import { z } from 'zod';
import { HowdahError } from '../control-plane/model/errors.ts';
import * as apply from './commands/apply.ts';
import * as demo from './commands/demo.ts';
import * as describe from './commands/describe.ts';
import * as doctor from './commands/doctor.ts';
import * as events from './commands/events.ts';
import * as explain from './commands/explain.ts';
import * as failover from './commands/failover.ts';
import * as fence from './commands/fence.ts';
import * as history from './commands/history.ts';
import * as pause from './commands/pause.ts';
import * as proxyConfig from './commands/proxy-config.ts';
import * as proxyStatus from './commands/proxy-status.ts';
import * as psql from './commands/psql.ts';
import * as rebuild from './commands/rebuild.ts';
import * as reinit from './commands/reinit.ts';
import * as restart from './commands/restart.ts';
import * as resume from './commands/resume.ts';
import * as scale from './commands/scale.ts';
import * as status from './commands/status.ts';
import * as switchover from './commands/switchover.ts';
import * as unfence from './commands/unfence.ts';
import * as up from './commands/up.ts';
import * as validate from './commands/validate.ts';
import { type Io, systemIo } from './io.ts';
import { exitCodeOf, formatError } from './output/errors.ts';

/** In the order of the help. */
const COMMANDS = [
  demo,
  up,
  status,
  describe,
  explain,
  history,
  events,
  apply,
  scale,
  rebuild,
  switchover,
  failover,
  pause,
  resume,
  restart,
  reinit,
  fence,
  unfence,
  psql,
  proxyStatus,
  proxyConfig,
  validate,
  doctor,
];

/** Exit code of a command line that commander refused: that of `invalid-argument`. */
const USAGE_EXIT = exitCodeOf(new HowdahError('invalid-argument', ''));

export function createProgram(io: Io): Command {
  const program = new Command('howdah')
    .description('A service-mesh control plane for PostgreSQL traffic')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpCommand('help [command]', 'show the help of a command')
    .configureHelp({ showGlobalOptions: false })
    .addHelpText(
      'after',
      '\nExamples:\n  $ howdah demo                           watch a failover\n  $ howdah up -f examples/orders.yaml    run a cluster of three here\n  $ howdah status --watch                watch it\n  $ howdah psql orders                   write to it\n  $ howdah switchover orders             move its primary\n\nExit codes: docs/cli.md',
    );
  for (const command of COMMANDS) command.register(program, io);
  for (const command of [program, ...program.commands]) {
    command.exitOverride();
    command.configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.err(text),
      outputError: (text, write) => write(text.replace(/^error: /, `${io.colors.red('howdah:')} `)),
    });
  }
  return program;
}

/**
 * Runs one command line (without the program's name) and returns its exit code; what fails is written to io.err.
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  let code = 0;
  const own: Io = {
    ...io,
    exitWith: (chosen) => {
      code = chosen;
    },
  };
  try {
    await createProgram(own).parseAsync([...args], { from: 'user' });
    return code;
  } catch (thrown) {
    // Help and version are asked for, and already written.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : USAGE_EXIT;
    const error = HowdahError.from(thrown);
    io.err(formatError(error, io.colors));
    return exitCodeOf(error);
  }
}

/** The command line of this process. */
export async function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  process.exitCode = await run(args, systemIo(homedir()));
}

/** From the package's own package.json: beside this directory in source, one further up when built. */
function packageVersion(): string {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const text = readFileSync(new URL(place, import.meta.url), 'utf8');
      return z.object({ name: z.literal('howdah'), version: z.string() }).parse(JSON.parse(text)).version;
    } catch {
      // Not there.
    }
  }
  throw new HowdahError('internal', 'the package.json of howdah is not where it was installed');
}
