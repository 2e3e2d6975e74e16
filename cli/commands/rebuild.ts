/** `howdah rebuild -f FILE`: a cluster that runs and that the store does not know any more. */
import type { Command } from 'commander';
import type { ClusterSpec } from '../../control-plane/model/cluster-spec.ts';
import { HowdahError } from '../../control-plane/model/errors.ts';
import { collect } from '../arguments.ts';
import { addConnectionOptions, type ConnectionOptions, connect, stateDirectory } from '../connection.ts';
import type { Io } from '../io.ts';
import { readClusterFiles } from '../local/cluster-files.ts';
import { StateLayout } from '../local/layout.ts';
import { withPorts } from '../local/place.ts';
import { type LocalPlacements, readPlacements } from '../local/placements.ts';
import { Findings } from '../local/preflight.ts';
import { addOutputOption, type OutputFormat, print } from '../output/print.ts';

interface RebuildOptions extends ConnectionOptions {
  readonly file: readonly string[];
  readonly output: OutputFormat;
  readonly dryRun?: boolean;
}

export function register(program: Command, io: Io): void {
  const command = program
    .command('rebuild')
    .description('make the record of a running cluster anew after the store was lost')
    .requiredOption('-f, --file <file>', 'the file of the cluster; may be given several times', collect)
    .option('--dry-run', 'only check whether it could be done');
  addConnectionOptions(addOutputOption(command))
    .addHelpText(
      'after',
      '\nExample:\n  $ howdah rebuild -f orders.yaml --dry-run\n\nThe file must name every instance there was, and the durability that was in force. Never from a backup of the store.',
    )
    .action(async (options: RebuildOptions) => {
      const findings = new Findings();
      const clusters = readClusterFiles(options.file, findings);
      findings.throwIfAny('nothing was changed');
      const api = connect(options, io);
      const kept = readPlacements(new StateLayout(stateDirectory(options.stateDir, io)).placementsFile);
      const specs = clusters.map(({ spec, file }) => withKnownPorts(spec, file, kept));
      const rebuilt: { name: string; epoch: number; how: string }[] = [];
      for (const spec of specs) rebuilt.push(await api.rebuild(spec, options.dryRun === true));
      print(io, options.output, rebuilt, (all) => {
        const what = options.dryRun === true ? 'can be rebuilt; nothing was changed' : 'is rebuilt';
        return all.map(({ name, epoch, how }) => `${name} ${what}: epoch ${epoch}, ${how}`).join('\n');
      });
    });
}

/** Ports that a file leaves open were chosen by `howdah up`, which keeps them beside the store. */
function withKnownPorts(spec: ClusterSpec, file: string, kept: LocalPlacements | undefined): ClusterSpec {
  const { rw, ro, any } = spec.routes;
  if (rw.port !== 0 && ro.port !== 0 && any.port !== 0) return spec;
  const placement = kept?.clusters[spec.name];
  if (placement) return withPorts(spec, placement);
  const message = 'the ports of rw, ro and any were chosen once and are not known here: write them into the file';
  throw new HowdahError('invalid-argument', message, { problems: [{ path: file, message }] });
}
