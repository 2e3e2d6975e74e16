/** `howdah proxy-status [PROXY]`: what each Envoy was sent, and what it said to that. */
import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions, connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { addOutputOption, type OutputFormat, print } from '../output/print.ts';
import { proxyDescription, proxyTable } from '../output/proxies.ts';

export function register(program: Command, io: Io): void {
  const command = program
    .command('proxy-status')
    .description('show what each Envoy was sent and whether it accepted it')
    .argument('[proxy]', 'one Envoy: orders-1, local, or its whole id such as instance/orders/orders-1');
  addConnectionOptions(addOutputOption(command))
    .addHelpText(
      'after',
      '\nExamples:\n  $ howdah proxy-status\n  $ howdah proxy-status orders-1\n  $ howdah proxy-status -o json',
    )
    .action(async (name: string | undefined, options: ConnectionOptions & { output: OutputFormat }) => {
      const client = connect(options, io);
      if (name === undefined) {
        print(io, options.output, await client.proxies(), ({ proxies }) => proxyTable(proxies, io.colors));
      } else {
        print(io, options.output, await client.proxy(name), (proxy) => proxyDescription(proxy, io.colors));
      }
    });
}
