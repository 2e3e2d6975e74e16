/** `howdah fence INSTANCE`: its PostgreSQL is stopped and stays so. */
import type { Command } from 'commander';
import { confirm } from '../confirm.ts';
import { connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { addOperationOptions, clusterOf, follow, type OperationOptions } from '../operation.ts';

interface FenceOptions extends OperationOptions {
  readonly force?: boolean;
  readonly yes?: boolean;
}

export function register(program: Command, io: Io): void {
  const command = program
    .command('fence')
    .description('stop the PostgreSQL of an instance and keep it stopped; a primary hands over first')
    .argument('<instance>')
    .option('--force', 'also when writes then wait for another standby')
    .option('-y, --yes', 'do not ask');
  addOperationOptions(command)
    .addHelpText('after', '\nExamples:\n  $ howdah fence orders-2\n  $ howdah unfence orders-2')
    .action(async (instance: string, options: FenceOptions) => {
      const api = connect(options, io);
      const { name, primary } = await clusterOf(api, instance);
      await confirm(io, options.yes, async () =>
        instance === primary
          ? `${instance} is the primary of ${name}: let another instance lead and stop it?`
          : `Stop ${instance} and keep it stopped?`,
      );
      const body = { instance, ...(options.force === undefined ? {} : { force: options.force }) };
      await follow(io, options, await api.fence(name, body), (cluster) => {
        const found = cluster.instances.find((one) => one.name === instance);
        const isStopped = found?.state === 'stopped' || found?.state === 'absent' || found?.connected === false;
        const isOpen = cluster.phase === 'active' && cluster.gate === 'open';
        return isStopped && isOpen && cluster.primary !== instance
          ? `${instance} is stopped and stays so, until howdah unfence ${instance}`
          : null;
      });
    });
}
