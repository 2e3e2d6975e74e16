/** `howdah up -f FILE`: a control plane and all instances of the files as local processes, in the foreground. */
import { type Command, Option } from 'commander';
import type { Clock } from '../../control-plane/runtime/clock.ts';
import { createLogger, LOG_LEVELS, type LogLevel } from '../../control-plane/runtime/logger.ts';
import { collect } from '../arguments.ts';
import { addStateDirOption, stateDirectory } from '../connection.ts';
import type { Io } from '../io.ts';
import { LocalHowdah } from '../local/local-howdah.ts';
import { prepareLocal } from '../local/prepare.ts';
import { readyMessage, trustNotice } from '../output/ready.ts';

interface UpOptions {
  readonly file: readonly string[];
  readonly stateDir?: string;
  readonly logLevel: LogLevel;
  readonly logFormat: 'pretty' | 'json';
}

export function register(program: Command, io: Io): void {
  const command = program
    .command('up')
    .description('run clusters on this machine, in the foreground')
    .requiredOption('-f, --file <file>', 'a file of PostgresCluster documents; may be given several times', collect);
  addStateDirOption(command)
    .addOption(
      new Option('--log-level <level>', 'least level of log lines on the terminal').choices(LOG_LEVELS).default('warn'),
    )
    .addOption(
      new Option('--log-format <format>', 'form of log lines on the terminal')
        .choices(['pretty', 'json'])
        .default('pretty'),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ howdah up -f examples/orders.yaml\n  $ howdah up -f orders.yaml -f billing.yaml --state-dir ./state\n\nCtrl-C stops everything in order, a second Ctrl-C kills what still runs. Data stays in the state directory.',
    )
    .action(async (options: UpOptions) => up(options, io));
}

async function up(options: UpOptions, io: Io): Promise<void> {
  const progress = (text: string) => io.err(`${io.colors.dim(text)}\n`);
  const plan = await prepareLocal({
    files: options.file,
    stateDir: stateDirectory(options.stateDir, io),
    clock: io.clock,
    random: io.random,
    onProgress: progress,
  });
  const local = new LocalHowdah(plan, {
    clock: io.clock,
    log: createLogger({ level: options.logLevel, format: options.logFormat }),
    childLogLevel: childLogLevel(options.logLevel),
    apiClient: io.apiClient,
    onProgress: progress,
  });
  const asked = onStopSignals(local, io.clock, progress);
  try {
    for (const notice of trustNotice(plan.clusters)) io.err(`${io.colors.yellow('!')} ${notice}\n`);
    // When the user stops it while it starts, the failure of the start is of no interest.
    const started = local.start().then(() => true);
    if (
      await Promise.race([started.catch((error) => (asked.isAsked() ? false : Promise.reject(error))), asked.promise])
    ) {
      const status = await local.status();
      io.out(readyMessage(status.clusters, plan, io.colors));
      await asked.promise;
    }
  } finally {
    await local.stop();
    asked.dispose();
  }
  progress('all stopped; the data is kept');
}

interface StopRequest {
  /** Resolves (with false: not ready) when the user asks to stop. */
  readonly promise: Promise<false>;
  isAsked(): boolean;
  dispose(): void;
}

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** npm passes a Ctrl-C on that the terminal gave us already: one key press may arrive as several signals. */
const ONE_PRESS_MS = 1_000;

/** The first signal stops in order, each later one kills. */
function onStopSignals(local: LocalHowdah, clock: Clock, progress: (text: string) => void): StopRequest {
  const first = Promise.withResolvers<false>();
  let asked = false;
  let askedAt = 0;
  const listener = () => {
    if (asked && clock.now() - askedAt < ONE_PRESS_MS) return;
    if (asked) {
      progress('killing what still runs');
      local.hurry();
      return;
    }
    asked = true;
    askedAt = clock.now();
    progress('stopping (again to kill)');
    void local.stop();
    first.resolve(false);
  };
  for (const name of STOP_SIGNALS) process.on(name, listener);
  return {
    promise: first.promise,
    isAsked: () => asked,
    dispose: () => {
      for (const name of STOP_SIGNALS) process.off(name, listener);
    },
  };
}

/** The files hold at least what a person needs afterwards, the terminal what was asked for. */
function childLogLevel(terminal: LogLevel): LogLevel {
  return terminal === 'trace' || terminal === 'debug' ? terminal : 'info';
}
