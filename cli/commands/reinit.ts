/** `howdah reinit INSTANCE`: a standby's data is set aside and copied anew. */
import type { Command } from 'commander';
import { confirm } from '../confirm.ts';
import { connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { addOperationOptions, clusterOf, follow, isServing, type OperationOptions } from '../operation.ts';

export function register(program: Command, io: Io): void {
  const command = program
    .command('reinit')
    .description("set a standby's data aside and copy it anew from the primary")
    .argument('<instance>')
    .option('-y, --yes', 'do not ask');
  addOperationOptions(command)
    .addHelpText(
      'after',
      '\nThe old data stays beside the new, as data.kept-N.\n\nExample:\n  $ howdah reinit orders-3',
    )
    .action(async (instance: string, options: OperationOptions & { yes?: boolean }) => {
      const api = connect(options, io);
      const { name, primary } = await clusterOf(api, instance);
      await confirm(io, options.yes, async () => `Set the data of ${instance} aside and copy it anew from ${primary}?`);
      await follow(io, options, await api.reinit(name, { instance }), (cluster) => {
        const isAsked = cluster.operations.reinits.includes(instance);
        return !isAsked && isServing(cluster, instance) ? `${instance} was copied anew and streams` : null;
      });
    });
}
