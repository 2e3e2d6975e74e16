/** `howdah status`: all clusters and instances, once or again and again. */
import type { Command } from 'commander';
import { HowdahError } from '../../control-plane/model/errors.ts';
import { addConnectionOptions, type ConnectionOptions, connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { addOutputOption, type OutputFormat, print, render } from '../output/print.ts';
import { type StatusView, statusTable } from '../output/status.ts';
import { formatTime } from '../output/units.ts';

interface StatusOptions extends ConnectionOptions {
  readonly output: OutputFormat;
  readonly watch?: boolean;
}

const WATCH_EVERY_MS = 500;
const CLEAR_SCREEN = '\u001b[H\u001b[2J';

export function register(program: Command, io: Io): void {
  const command = program.command('status').description('show all clusters and their instances');
  addConnectionOptions(addOutputOption(command))
    .option('-w, --watch', 'show it again and again, until Ctrl-C')
    .addHelpText(
      'after',
      '\nExamples:\n  $ howdah status\n  $ howdah status --watch\n  $ howdah status -o json | jq .clusters[].primary',
    )
    .action(async (options: StatusOptions) => {
      if (options.watch === true) await watch(options, io);
      else print(io, options.output, await ask(options, io), (view) => statusTable(view, io.colors));
    });
}

async function ask(options: StatusOptions, io: Io): Promise<StatusView> {
  const client = connect(options, io);
  const status = await client.status();
  const controlPlanes = await client.controlPlanes().catch((error: unknown) => {
    if (error instanceof HowdahError && error.code === 'unavailable') return undefined;
    throw error;
  });
  return { ...status, controlPlanes: controlPlanes?.controlPlanes };
}

/** Goes on while the control plane can't be reached: watching its restart is what this is for. */
async function watch(options: StatusOptions, io: Io): Promise<never> {
  for (;;) {
    const text = await look(options, io);
    if (text !== undefined) {
      const screen = io.isTerminal && options.output === 'table';
      const head = screen
        ? `${CLEAR_SCREEN}${io.colors.dim(formatTime(io.clock.wall()))}\n`
        : separator(options.output);
      io.out(`${head}${text.trimEnd()}\n`);
    }
    await new Promise<void>((resolve) => void io.clock.after(WATCH_EVERY_MS, resolve));
  }
}

async function look(options: StatusOptions, io: Io): Promise<string | undefined> {
  try {
    const view = await ask(options, io);
    return render(options.output, view, (value) => statusTable(value, io.colors));
  } catch (error) {
    if (!(error instanceof HowdahError) || (error.code !== 'unavailable' && error.code !== 'deadline-exceeded'))
      throw error;
    if (options.output === 'table') return io.colors.yellow(error.message);
    io.err(`${error.message}\n`);
    return undefined;
  }
}

/** Between two documents of a stream. */
function separator(format: OutputFormat): string {
  return format === 'yaml' ? '---\n' : '';
}
