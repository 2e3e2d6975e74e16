/** `howdah proxy-status`: what each Envoy was sent, and what it said to that. */
import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions, connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { proxyTable } from '../output/history.ts';
import { addOutputOption, type OutputFormat, print } from '../output/print.ts';

export function register(program: Command, io: Io): void {
  const command = program
    .command('proxy-status')
    .description('show what each Envoy was sent and whether it accepted it');
  addConnectionOptions(addOutputOption(command))
    .addHelpText('after', '\nExamples:\n  $ howdah proxy-status\n  $ howdah proxy-status -o json')
    .action(async (options: ConnectionOptions & { output: OutputFormat }) => {
      const proxies = await connect(options, io).proxies();
      print(io, options.output, proxies, (value) => proxyTable(value.proxies, io.colors));
    });
}
