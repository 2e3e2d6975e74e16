/** `howdah pause CLUSTER`: no failover by itself until it is resumed. */
import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions, connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { addOutputOption, type OutputFormat, print } from '../output/print.ts';

export function register(program: Command, io: Io): void {
  const command = program
    .command('pause')
    .description('switch automatic failover off until it is resumed')
    .argument('<cluster>');
  addConnectionOptions(addOutputOption(command))
    .addHelpText('after', '\nExamples:\n  $ howdah pause orders\n  $ howdah resume orders')
    .action(async (name: string, options: ConnectionOptions & { output: OutputFormat }) => {
      const stored = await connect(options, io).pause(name);
      print(io, options.output, stored, ({ message }) => `${message}\nundo it with: howdah resume ${name}`);
    });
}
