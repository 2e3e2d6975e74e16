/** `howdah failover CLUSTER`: another instance leads, whether the primary is dead or alive. */
import type { Command } from 'commander';
import type { ClusterStatus } from '../../control-plane/api/contract.ts';
import { confirm } from '../confirm.ts';
import { connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { addOperationOptions, follow, type OperationOptions } from '../operation.ts';
import { print } from '../output/print.ts';

interface FailoverOptions extends OperationOptions {
  readonly to?: string;
  readonly acceptDataLoss?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export function register(program: Command, io: Io): void {
  const command = program
    .command('failover')
    .description('let another instance lead in an emergency, with the primary dead or alive')
    .argument('<cluster>')
    .option('--to <instance>', 'the instance that shall lead, if no other has more commits')
    .option('--accept-data-loss', 'go on with whoever answers, though acknowledged commits may be lost')
    .option('--dry-run', 'only say whether it could begin')
    .option('-y, --yes', 'do not ask');
  addOperationOptions(command)
    .addHelpText(
      'after',
      '\nWith a healthy primary take howdah switchover: it stops the primary cleanly first.\n\nExamples:\n  $ howdah failover orders --dry-run\n  $ howdah failover orders --to orders-2\n  $ howdah failover orders --accept-data-loss',
    )
    .action(async (name: string, options: FailoverOptions) => {
      const api = connect(options, io);
      const before = await api.cluster(name);
      const body = {
        ...(options.to === undefined ? {} : { to: options.to }),
        ...(options.acceptDataLoss === undefined ? {} : { acceptDataLoss: options.acceptDataLoss }),
      };
      if (options.dryRun) {
        const would = await api.failover(name, { ...body, dryRun: true });
        return print(io, options.output, would, ({ message }) => `it could begin: ${message}; nothing was changed`);
      }
      await confirm(io, options.yes, async () => {
        const { message } = await api.failover(name, { ...body, dryRun: true });
        return `${message}. Begin?`;
      });
      const epoch = before.phase === 'fencing' ? before.epoch - 1 : before.epoch;
      await follow(io, options, await api.failover(name, body), (cluster) => outcome(cluster, epoch, options.to));
    });
}

function outcome(cluster: ClusterStatus, before: number, to: string | undefined): string | null {
  const { name, epoch, gate, phase, primary } = cluster;
  if (epoch <= before || phase !== 'active' || gate !== 'open' || primary === null) return null;
  const instead = to === undefined || to === primary ? '' : ` and not ${to}: why stands in howdah history ${name}`;
  return `${name}: ${primary} leads with epoch ${epoch}${instead}`;
}
