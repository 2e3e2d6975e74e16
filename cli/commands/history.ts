/** `howdah history CLUSTER`: what was decided, when and why. */
import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions, connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { changesTable, historyTable } from '../output/history.ts';
import { addOutputOption, type OutputFormat, print } from '../output/print.ts';

export function register(program: Command, io: Io): void {
  const command = program
    .command('history')
    .description('show what was decided about a cluster, when and why')
    .argument('<cluster>')
    .option('--changes', 'only failovers and switchovers, with the time that each phase took');
  addConnectionOptions(addOutputOption(command))
    .addHelpText(
      'after',
      '\nExamples:\n  $ howdah history orders\n  $ howdah history orders --changes\n  $ howdah history orders -o json | jq .entries[-1].reason',
    )
    .action(async (name: string, options: ConnectionOptions & { output: OutputFormat; changes?: boolean }) => {
      const history = await connect(options, io).history(name);
      if (options.changes === true) {
        const changes = { entries: history.entries.filter(({ change }) => change !== undefined) };
        print(io, options.output, changes, (value) => changesTable(value.entries, io.colors));
      } else print(io, options.output, history, (value) => historyTable(value.entries, io.colors));
    });
}
