/** `howdah demo`: a cluster, a load, a crash and a switchover, to look at and to play with. */
import { constants } from 'node:os';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { findEnvoy, findPostgres } from '../../control-plane/runtime/binaries/index.ts';
import { countArgument } from '../arguments.ts';
import { makeDemoHome } from '../demo/home.ts';
import { Journal } from '../demo/journal.ts';
import { LiveScreen, PlainScreen } from '../demo/screen.ts';
import { show } from '../demo/show.ts';
import type { Io } from '../io.ts';
import type { LocalHowdah } from '../local/local-howdah.ts';
import { StopSignals } from '../stop-signals.ts';

interface DemoOptions {
  readonly once: boolean;
  readonly plain: boolean;
  readonly instances: number;
  readonly crashes: number;
  readonly stateDir?: string;
}

/** Where nobody tells; a terminal without a size tells 0. */
const USUAL_COLUMNS = 100;
const LEAST_COLUMNS = 20;

export function register(program: Command, io: Io): void {
  program
    .command('demo')
    .description('watch a cluster lose its primary under load, and play with it')
    .option('--once', 'leave when all was shown, instead of staying up until Ctrl-C', false)
    .option('--instances <n>', 'of the cluster, 2 to 9', countArgument(2, 9), 3)
    .option('--crashes <n>', 'of the primary, 0 to 100', countArgument(0, 100), 1)
    .option('--plain', 'plain lines, nothing is redrawn; so it is where standard output is no terminal', false)
    .option('--state-dir <dir>', 'keep the cluster there; without it a temporary directory is used and removed')
    .addHelpText(
      'after',
      '\nExamples:\n  $ howdah demo\n  $ howdah demo --once --crashes 5\n\nExit code 0 when no acknowledged row was lost and everything came back.',
    )
    .action(async (options: DemoOptions) => demo(options, io));
}

async function demo(options: DemoOptions, io: Io): Promise<void> {
  const startedAt = await programsReady(io);
  const home = makeDemoHome(
    options.stateDir === undefined ? undefined : resolve(io.workingDirectory, options.stateDir),
    options.instances,
  );
  let local: LocalHowdah | undefined;
  using signals = new StopSignals(io.clock, () => local?.hurry());
  const width = () => Math.max(LEAST_COLUMNS, process.stdout.columns || USUAL_COLUMNS);
  const live = io.isTerminal && !options.plain && io.colors.isColorSupported;
  const screen = live ? new LiveScreen(io.out, width) : new PlainScreen(io.out);
  const played = await show(
    {
      home,
      once: options.once,
      crashes: options.crashes,
      startedAt,
      signal: signals.signal,
      screen,
      journal: new Journal(screen, io.colors, io.clock),
      width,
      onLocal: (running) => {
        local = running;
      },
    },
    io,
  );
  if (!played && signals.received !== undefined) io.exitWith(128 + constants.signals[signals.received]);
}

/**
 * Fetches what is missing, with progress, before anything else.
 * @returns monotonic ms from which on the user waits for the demo and not for a download
 */
async function programsReady(io: Io): Promise<number> {
  const begun = io.clock.now() - process.uptime() * 1000;
  let fetched = false;
  const tell = (line: string) => {
    fetched = true;
    io.err(`${io.colors.dim(line)}\n`);
  };
  await Promise.all([findEnvoy({ tell }), findPostgres({ tell })]);
  return fetched ? io.clock.now() : begun;
}
