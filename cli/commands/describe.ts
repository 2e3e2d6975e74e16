/** `howdah describe CLUSTER`: everything about one cluster. */
import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions, connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { addOutputOption, type OutputFormat, print } from '../output/print.ts';
import { clusterDescription } from '../output/status.ts';

export function register(program: Command, io: Io): void {
  const command = program.command('describe').description('show everything about one cluster').argument('<cluster>');
  addConnectionOptions(addOutputOption(command))
    .addHelpText('after', '\nExamples:\n  $ howdah describe orders\n  $ howdah describe orders -o yaml')
    .action(async (name: string, options: ConnectionOptions & { output: OutputFormat }) => {
      const cluster = await connect(options, io).cluster(name);
      print(io, options.output, cluster, (value) => clusterDescription(value, io.colors));
    });
}
