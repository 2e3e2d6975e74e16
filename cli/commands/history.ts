/** `howdah history CLUSTER`: what was decided, when and why. */
import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions, connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { historyTable } from '../output/history.ts';
import { addOutputOption, type OutputFormat, print } from '../output/print.ts';

export function register(program: Command, io: Io): void {
  const command = program
    .command('history')
    .description('show what was decided about a cluster, when and why')
    .argument('<cluster>');
  addConnectionOptions(addOutputOption(command))
    .addHelpText(
      'after',
      '\nExamples:\n  $ howdah history orders\n  $ howdah history orders -o json | jq .entries[-1].reason',
    )
    .action(async (name: string, options: ConnectionOptions & { output: OutputFormat }) => {
      const history = await connect(options, io).history(name);
      print(io, options.output, history, (value) => historyTable(value.entries, io.colors));
    });
}
