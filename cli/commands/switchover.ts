/** `howdah switchover CLUSTER`: another instance becomes the primary, on purpose. */
import type { Command } from 'commander';
import { SWITCHOVER_WAIT_MAX_MS } from '../../control-plane/api/contract.ts';
import { HowdahError } from '../../control-plane/model/errors.ts';
import { durationArgument } from '../arguments.ts';
import { confirm } from '../confirm.ts';
import { addConnectionOptions, type ConnectionOptions, connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { addOutputOption, type OutputFormat, print } from '../output/print.ts';
import { formatDuration } from '../output/units.ts';

interface SwitchoverOptions extends ConnectionOptions {
  readonly output: OutputFormat;
  readonly to?: string;
  readonly wait?: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

interface Switchover {
  readonly from: string;
  readonly to: string;
  readonly epoch: number;
  readonly durationMs: number;
  readonly checks: readonly string[];
}

export function register(program: Command, io: Io): void {
  const command = program
    .command('switchover')
    .description('make another instance the primary')
    .argument('<cluster>')
    .option('--to <instance>', 'the instance that shall lead; without it the fittest standby')
    .option('--wait <duration>', 'how long running transactions may go on before they are ended', durationArgument)
    .option('--dry-run', 'only check whether it could be done')
    .option('-y, --yes', 'do not ask');
  addConnectionOptions(addOutputOption(command))
    .addHelpText(
      'after',
      '\nExamples:\n  $ howdah switchover orders --dry-run\n  $ howdah switchover orders --to orders-2 --wait 30s',
    )
    .action(async (name: string, options: SwitchoverOptions) => {
      checkWait(options.wait);
      const api = connect(options, io);
      if (options.dryRun !== true) {
        await confirm(io, options.yes, async () => {
          const plan = await api.switchover(name, { ...request(options), dryRun: true });
          return `Move the primary of ${name} from ${plan.from} to ${plan.to}?`;
        });
      }
      const done = await api.switchover(name, request(options));
      print(io, options.output, done, (value) => describe(name, value, options.dryRun === true));
    });
}

function request(options: SwitchoverOptions): { to?: string; waitMs?: number; dryRun?: boolean } {
  return {
    ...(options.to === undefined ? {} : { to: options.to }),
    ...(options.wait === undefined ? {} : { waitMs: options.wait }),
    ...(options.dryRun === undefined ? {} : { dryRun: options.dryRun }),
  };
}

/** @throws HowdahError `invalid-argument` naming the flag */
export function checkWait(waitMs: number | undefined, flag = '--wait'): void {
  if (waitMs === undefined || waitMs <= SWITCHOVER_WAIT_MAX_MS) return;
  const message = `must be at most ${formatDuration(SWITCHOVER_WAIT_MAX_MS)}`;
  throw new HowdahError('invalid-argument', `${flag} ${message}`, { problems: [{ path: flag, message }] });
}

function describe(cluster: string, done: Switchover, dryRun: boolean): string {
  const checks = done.checks.map((check) => `  ${check}`);
  const head = dryRun
    ? `${cluster}: ${done.from} can hand over to ${done.to}, with epoch ${done.epoch}; nothing was changed`
    : `${cluster}: ${done.to} leads with epoch ${done.epoch}, ${done.from} handed over in ${formatDuration(done.durationMs)}`;
  return [head, ...checks].join('\n');
}
