/** `howdah unfence INSTANCE`: it comes back as a standby. */
import type { Command } from 'commander';
import { connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { addOperationOptions, clusterOf, follow, isServing, type OperationOptions } from '../operation.ts';

export function register(program: Command, io: Io): void {
  const command = program
    .command('unfence')
    .description('let a fenced instance come back as a standby')
    .argument('<instance>');
  addOperationOptions(command)
    .addHelpText('after', '\nExample:\n  $ howdah unfence orders-2')
    .action(async (instance: string, options: OperationOptions) => {
      const api = connect(options, io);
      const { name } = await clusterOf(api, instance);
      await follow(io, options, await api.unfence(name, { instance }), (cluster) =>
        isServing(cluster, instance) ? `${instance} is back` : null,
      );
    });
}
