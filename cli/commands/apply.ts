/** `howdah apply -f FILE`: living clusters become what their files say. */
import type { Command } from 'commander';
import type { ClusterStatus } from '../../control-plane/api/contract.ts';
import type { ClusterSpec } from '../../control-plane/model/cluster-spec.ts';
import { HowdahError } from '../../control-plane/model/errors.ts';
import { collect, durationArgument } from '../arguments.ts';
import { addConnectionOptions, type ConnectionOptions, connect } from '../connection.ts';
import type { Io } from '../io.ts';
import { readClusterFiles } from '../local/cluster-files.ts';
import { Findings } from '../local/preflight.ts';
import { addOutputOption, type OutputFormat, print } from '../output/print.ts';
import { waitUntil } from '../wait.ts';

interface ApplyOptions extends ConnectionOptions {
  readonly file: readonly string[];
  readonly output: OutputFormat;
  /** False with --no-wait. */
  readonly wait: boolean;
  readonly timeout: number;
}

const DEFAULT_TIMEOUT_MS = 600_000;
/** What a change must bring into order; the others may have had other reasons before. */
const AWAITED = ['Writable', 'Durable', 'AgentsConnected', 'GoalsReached', 'SettingsApplied'];

export function register(program: Command, io: Io): void {
  const command = program
    .command('apply')
    .description('change living clusters to what files of PostgresCluster documents say')
    .requiredOption('-f, --file <file>', 'a file of PostgresCluster documents; may be given several times', collect)
    .option('--no-wait', 'do not wait until the clusters are so')
    .option('--timeout <duration>', 'how long to wait for that', durationArgument, DEFAULT_TIMEOUT_MS);
  addConnectionOptions(addOutputOption(command))
    .addHelpText(
      'after',
      '\nExample:\n  $ howdah apply -f orders.yaml\n\nSettings that need a restart are brought in by a rolling restart, standbys first. A setting that PostgreSQL refuses changes nothing.',
    )
    .action(async (options: ApplyOptions) => {
      const findings = new Findings();
      const clusters = readClusterFiles(options.file, findings);
      findings.throwIfAny('nothing was changed');
      const api = connect(options, io);
      const living = new Map((await api.status()).clusters.map((status) => [status.name, status]));
      for (const { spec, file } of clusters)
        if (!living.has(spec.name)) throw notThere(spec.name, file, [...living.keys()]);
      const applied: ClusterStatus[] = [];
      for (const { spec } of clusters) applied.push(await api.apply(withKeptPorts(spec, living.get(spec.name)!)));
      if (options.wait) {
        for (const { spec } of clusters) {
          await waitUntil(io, options.timeout, `${spec.name} to be as its file says`, async () => {
            return missing(await api.cluster(spec.name));
          });
        }
      }
      print(io, options.output, applied, (statuses) => {
        return statuses.map(({ name }) => `${name}: ${options.wait ? 'is as its file says' : 'stored'}`).join('\n');
      });
    });
}

/** A port that the document leaves open stays what it is. */
function withKeptPorts(spec: ClusterSpec, { endpoints }: ClusterStatus): ClusterSpec {
  const port = (route: 'rw' | 'ro' | 'any') => spec.routes[route].port || Number(endpoints[route].split(':').at(-1));
  const { rw, ro, any } = spec.routes;
  return {
    ...spec,
    routes: { rw: { ...rw, port: port('rw') }, ro: { ...ro, port: port('ro') }, any: { ...any, port: port('any') } },
  };
}

/** What is still to be waited for, in words; '' = nothing. */
function missing(status: ClusterStatus): string {
  const leaving = status.instances.filter((instance) => instance.leaving).map(({ name }) => name);
  if (leaving.length > 0) return `${leaving.join(', ')} to leave: ${status.reason}`;
  const open = status.conditions.filter((one) => AWAITED.includes(one.type) && one.status !== 'True');
  return open.map(({ type, message }) => `${type}: ${message}`).join('; ');
}

function notThere(name: string, file: string, others: readonly string[]): HowdahError {
  const known = others.length === 0 ? 'there is none' : `there are: ${others.join(', ')}`;
  const message = `there is no cluster ${name} (${known}): start it with howdah up -f ${file}`;
  return new HowdahError('not-found', message, { problems: [{ path: file, message }] });
}
