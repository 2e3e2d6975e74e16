/** `howdah explain CLUSTER`: what would happen if the primary died now. */
import type { Command } from 'commander';
import type { Explanation } from '../../control-plane/api/contract.ts';
import { addConnectionOptions, type ConnectionOptions, connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { addOutputOption, type OutputFormat, print } from '../output/print.ts';

export function register(program: Command, io: Io): void {
  const command = program
    .command('explain')
    .description('say what would happen if the primary died now, and why')
    .argument('<cluster>');
  addConnectionOptions(addOutputOption(command))
    .addHelpText('after', '\nExamples:\n  $ howdah explain orders\n  $ howdah explain orders -o json | jq .leader')
    .action(async (name: string, options: ConnectionOptions & { output: OutputFormat }) => {
      print(io, options.output, await connect(options, io).explain(name), explanationText);
    });
}

export function explanationText({ summary, others, advice }: Explanation): string {
  const lines = [summary];
  if (others.length > 0) lines.push('', 'The others:', ...others.map(({ instance, why }) => `  ${instance}: ${why}`));
  if (advice.length > 0) lines.push('', 'What to do:', ...advice.map((line) => `  ${line}`));
  return lines.join('\n');
}
