/** `howdah resume CLUSTER`: automatic failover again. */
import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions, connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { addOutputOption, type OutputFormat, print } from '../output/print.ts';

export function register(program: Command, io: Io): void {
  const command = program
    .command('resume')
    .description('switch automatic failover on again after a pause')
    .argument('<cluster>');
  addConnectionOptions(addOutputOption(command))
    .addHelpText('after', '\nExample:\n  $ howdah resume orders')
    .action(async (name: string, options: ConnectionOptions & { output: OutputFormat }) => {
      const stored = await connect(options, io).resume(name);
      print(io, options.output, stored, ({ message }) => message);
    });
}
