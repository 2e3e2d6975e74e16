/** `howdah events [CLUSTER]`: what happened, and with --follow what happens. */
import type { Command } from 'commander';
import { EVENTS_WAIT_MAX_MS, type EventStatus } from '../../control-plane/api/contract.ts';
import { addConnectionOptions, type ConnectionOptions, connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { addOutputOption, type OutputFormat, print } from '../output/print.ts';
import { formatTime } from '../output/units.ts';

interface EventsOptions extends ConnectionOptions {
  readonly output: OutputFormat;
  readonly follow?: boolean;
}

export function register(program: Command, io: Io): void {
  const command = program
    .command('events')
    .description('show what happened to the clusters, and what happens')
    .argument('[cluster]')
    .option('-f, --follow', 'go on with what happens, until Ctrl-C');
  addConnectionOptions(addOutputOption(command))
    .addHelpText('after', '\nExamples:\n  $ howdah events\n  $ howdah events orders --follow')
    .action(async (cluster: string | undefined, options: EventsOptions) => {
      const api = connect(options, io);
      // A name that is none would be waited for for ever.
      if (cluster !== undefined) await api.cluster(cluster);
      const filter = cluster === undefined ? {} : { cluster };
      let page = await api.events(filter);
      show(io, options.output, page.events);
      while (options.follow === true) {
        page = await api.events({ ...filter, after: page.cursor, waitMs: EVENTS_WAIT_MAX_MS });
        if (page.events.length > 0) show(io, options.output, page.events);
      }
    });
}

function show(io: Io, output: OutputFormat, events: readonly EventStatus[]): void {
  print(io, output, { events }, () => events.map((event) => eventLine(event, io)).join('\n') || 'nothing happened yet');
}

function eventLine({ at, cluster, epoch, kind, instance, message }: EventStatus, { colors }: Io): string {
  return `${colors.dim(formatTime(at))}  ${instance || cluster}  e${epoch}  ${colors.bold(kind)}  ${message}`;
}
