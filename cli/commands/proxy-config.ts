/** `howdah proxy-config PROXY [KIND]`: what one Envoy was given, resource by resource. */
import { Argument, type Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions, connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { addOutputOption, type OutputFormat, print } from '../output/print.ts';
import { proxyConfigTables } from '../output/proxy-config.ts';

/** Kind to the short name of its type. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  listeners: 'LDS',
  clusters: 'CDS',
  endpoints: 'EDS',
  routes: 'RDS',
  secrets: 'SDS',
};
const ALL = 'all';

export function register(program: Command, io: Io): void {
  const command = program
    .command('proxy-config')
    .description('show what the control plane gave one Envoy')
    .argument('<proxy>', 'orders-1, local, or a whole id such as instance/orders/orders-1')
    .addArgument(new Argument('[kind]', 'which resources').choices([...Object.keys(SHORT_NAMES), ALL]).default(ALL));
  addConnectionOptions(addOutputOption(command))
    .addHelpText(
      'after',
      '\nExamples:\n  $ howdah proxy-config orders-1\n  $ howdah proxy-config local endpoints\n  $ howdah proxy-config local listeners -o yaml',
    )
    .action(async (name: string, kind: string, options: ConnectionOptions & { output: OutputFormat }) => {
      const { id, types } = await connect(options, io).proxyConfig(name);
      const chosen = types.filter(({ shortName }) => kind === ALL || shortName === SHORT_NAMES[kind]);
      print(io, options.output, { id, types: chosen }, (config) => proxyConfigTables(config, io.colors));
    });
}
