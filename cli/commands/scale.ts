/** `howdah scale CLUSTER N`: more or fewer instances of a living cluster. */
import type { Command } from 'commander';
import type { ClusterStatus } from '../../control-plane/api/contract.ts';
import { HowdahError } from '../../control-plane/model/errors.ts';
import { countArgument, durationArgument } from '../arguments.ts';
import { addConnectionOptions, type ConnectionOptions, connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { addOutputOption, type OutputFormat, print } from '../output/print.ts';
import { formatDuration } from '../output/units.ts';
import { waitUntil } from '../wait.ts';

interface ScaleOptions extends ConnectionOptions {
  readonly output: OutputFormat;
  readonly dryRun?: boolean;
  /** False with --no-wait. */
  readonly wait: boolean;
  readonly timeout: number;
}

interface Scaled {
  readonly from: number;
  readonly to: number;
  readonly joining: readonly string[];
  readonly leaving: readonly string[];
}

const DEFAULT_TIMEOUT_MS = 600_000;

export function register(program: Command, io: Io): void {
  const command = program
    .command('scale')
    .description('change how many instances a cluster has')
    .argument('<cluster>')
    .argument('<instances>', 'how many, 1 to 9', countArgument(1, 9))
    .option('--dry-run', 'only check whether it could be done')
    .option('--no-wait', 'do not wait until all have joined or left')
    .option('--timeout <duration>', 'how long to wait for that', durationArgument, DEFAULT_TIMEOUT_MS);
  addConnectionOptions(addOutputOption(command))
    .addHelpText(
      'after',
      '\nExamples:\n  $ howdah scale orders 5\n  $ howdah scale orders 3 --dry-run\n\nNew instances are copied from the primary. Those with the highest numbers leave first to go; their data is kept aside.',
    )
    .action(async (name: string, instances: number, options: ScaleOptions) => {
      const api = connect(options, io);
      const startedAt = io.clock.now();
      const scaled = await api.scale(name, { instances, ...(options.dryRun ? { dryRun: true } : {}) });
      const waits = options.wait && options.dryRun !== true;
      if (waits) {
        await waitUntil(io, options.timeout, `${name} to have ${instances} instances`, async () => {
          const status = await api.cluster(name);
          if (status.size !== instances) {
            throw new HowdahError('conflict', `somebody else asked for ${status.size} instances of ${name} meanwhile`);
          }
          return missing(status);
        });
      }
      const tookMs = waits ? Math.round(io.clock.now() - startedAt) : null;
      print(io, options.output, scaled, (value) => describe(name, value, options.dryRun === true, tookMs));
    });
}

/** What is still to be waited for, in words; '' = nothing. */
function missing(status: ClusterStatus): string {
  const leaving = status.instances.filter((instance) => instance.leaving).map(({ name }) => name);
  if (leaving.length > 0) return `${leaving.join(', ')} to leave: ${status.reason}`;
  const waiting = status.instances.filter(({ connected, state }) => !connected || state !== 'running');
  if (waiting.length > 0) {
    return waiting
      .map(({ name, state, goal }) => `${name} ${state}${goal?.detail ? ` (${goal.detail})` : ''}`)
      .join(', ');
  }
  if (status.gate !== 'open') return status.reason;
  const voters = status.durability === 'async' ? 0 : status.size - 1;
  return status.sync.voters.length === voters
    ? ''
    : `commits wait for ${status.sync.voters.join(', ') || 'nobody'} yet`;
}

function describe(cluster: string, scaled: Scaled, dryRun: boolean, tookMs: number | null): string {
  const { from, to, joining, leaving } = scaled;
  const who = [
    ...(joining.length > 0 ? [`${joining.join(', ')} ${verb(joining, tookMs, 'joins', 'join', 'joined')}`] : []),
    ...(leaving.length > 0 ? [`${leaving.join(', ')} ${verb(leaving, tookMs, 'leaves', 'leave', 'left')}`] : []),
  ];
  const details = who.length > 0 ? `: ${who.join('; ')}` : '';
  if (dryRun) return `${cluster} can go from ${from} to ${to} instances${details}; nothing was changed`;
  const took = tookMs === null ? '' : `, in ${formatDuration(tookMs)}`;
  const head = `${cluster}: ${to} instances (before: ${from})${details}${took}`;
  return from === to ? head : `${head}\nWrite instances: ${to} into its file, which the next \`howdah up\` goes by.`;
}

function verb(names: readonly string[], tookMs: number | null, one: string, several: string, past: string): string {
  if (tookMs !== null) return past;
  return names.length === 1 ? one : several;
}
