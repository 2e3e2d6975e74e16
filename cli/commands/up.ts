/** `howdah up -f FILE`: a control plane and all instances of the files as local processes, in the foreground. */
import { type Command, Option } from 'commander';
import { createLogger, LOG_LEVELS, type LogLevel } from '../../control-plane/runtime/logger.ts';
import { collect } from '../arguments.ts';
import { addStateDirOption, stateDirectory } from '../connection.ts';
import type { Io } from '../io.ts';
import { LocalHowdah } from '../local/local-howdah.ts';
import { prepareLocal } from '../local/prepare.ts';
import { chooseStore } from '../local/store-choice.ts';
import { readyMessage, trustNotice } from '../output/ready.ts';
import { StopSignals } from '../stop-signals.ts';

interface UpOptions {
  readonly file: readonly string[];
  readonly controlPlanes: number;
  readonly store: string;
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
    .option('--control-planes <n>', 'how many control planes: one decides, the others take over', Number, 1)
    .option(
      '--store <store>',
      'where decisions are kept: file, etcd (started here) or etcd=http://HOST:PORT,...',
      'file',
    )
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
      '\nExamples:\n  $ howdah up -f examples/orders.yaml\n  $ howdah up -f orders.yaml -f billing.yaml --state-dir ./state\n  $ howdah up -f orders.yaml --control-planes 3 --store etcd\n\nCtrl-C stops everything in order, a second Ctrl-C kills what still runs. Data stays in the state directory.',
    )
    .action(async (options: UpOptions) => up(options, io));
}

async function up(options: UpOptions, io: Io): Promise<void> {
  const progress = (text: string) => io.err(`${io.colors.dim(text)}\n`);
  const store = chooseStore(options.store, options.controlPlanes);
  const plan = await prepareLocal({
    files: options.file,
    controlPlanes: options.controlPlanes,
    store,
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
  using signals = new StopSignals(io.clock, () => {
    progress('killing what still runs');
    local.hurry();
  });
  // Resolves with false: not ready.
  const asked = new Promise<false>((resolve) => {
    signals.signal.addEventListener('abort', () => {
      progress('stopping (again to kill)');
      void local.stop();
      resolve(false);
    });
  });
  try {
    for (const notice of trustNotice(plan.clusters)) io.err(`${io.colors.yellow('!')} ${notice}\n`);
    // When the user stops it while it starts, the failure of the start is of no interest.
    const started = local.start().then(() => true);
    const ready = started.catch((error) => (signals.signal.aborted ? false : Promise.reject(error)));
    if (await Promise.race([ready, asked])) {
      const status = await local.status();
      io.out(readyMessage(status.clusters, plan, io.colors));
      await asked;
    }
  } finally {
    await local.stop();
  }
  progress('all stopped; the data is kept');
}

/** The files hold at least what a person needs afterwards, the terminal what was asked for. */
function childLogLevel(terminal: LogLevel): LogLevel {
  return terminal === 'trace' || terminal === 'debug' ? terminal : 'info';
}
