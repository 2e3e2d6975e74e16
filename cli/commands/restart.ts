/** `howdah restart CLUSTER [INSTANCE]`: one PostgreSQL in its place, or all of them one after another. */
import type { Command } from 'commander';
import type { ClusterStatus } from '../../control-plane/api/contract.ts';
import { durationArgument } from '../arguments.ts';
import { confirm } from '../confirm.ts';
import { connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { addOperationOptions, follow, isServing, type OperationOptions } from '../operation.ts';
import { checkWait } from './switchover.ts';

interface RestartOptions extends OperationOptions {
  readonly drain?: number;
  readonly yes?: boolean;
}

export function register(program: Command, io: Io): void {
  const command = program
    .command('restart')
    .description('restart the PostgreSQL of an instance, or of all: standbys first, then a switchover')
    .argument('<cluster>')
    .argument('[instance]', 'without it all of them, one after another')
    .option('--drain <duration>', 'how long transactions may go on before the switchover', durationArgument)
    .option('-y, --yes', 'do not ask');
  addOperationOptions(command)
    .addHelpText('after', '\nExamples:\n  $ howdah restart orders orders-2\n  $ howdah restart orders --drain 10s')
    .action(async (name: string, instance: string | undefined, options: RestartOptions) => {
      checkWait(options.drain, '--drain');
      const api = connect(options, io);
      await confirm(io, options.yes, async () => {
        if (instance === undefined) return `Restart all instances of ${name}, one after another?`;
        const { primary } = await api.cluster(name);
        return `Restart ${instance}${instance === primary ? ', the primary: writes are out meanwhile' : ''}?`;
      });
      const body = {
        ...(instance === undefined ? {} : { instance }),
        ...(options.drain === undefined ? {} : { waitMs: options.drain }),
      };
      await follow(io, options, await api.restart(name, body), (cluster) => outcome(cluster, instance));
    });
}

function outcome(cluster: ClusterStatus, instance: string | undefined): string | null {
  if (instance !== undefined) return isServing(cluster, instance) ? `${instance} runs again` : null;
  if (cluster.operations.rolling !== null || cluster.gate !== 'open') return null;
  return `${cluster.name}: all instances were restarted; ${cluster.primary} leads with epoch ${cluster.epoch}`;
}
