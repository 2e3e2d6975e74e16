/** `howdah psql CLUSTER [rw|ro|any]`: PostgreSQL's own psql on a route of the cluster. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { HowdahError } from '../../control-plane/model/errors.ts';
import { findPostgres } from '../../control-plane/runtime/binaries/index.ts';
import { addConnectionOptions, type ConnectionOptions, connect, stateDirectory } from '../connection.ts';
import type { Io } from '../io.ts';
import { StateLayout } from '../local/layout.ts';
import { ROUTE_NAMES, type RouteName } from '../local/place.ts';

export function register(program: Command, io: Io): void {
  const command = program
    .command('psql')
    .description('open psql on a route of a cluster')
    .argument('<cluster>')
    .argument('[route]', 'rw: the primary (default); ro: standbys; any: either')
    .argument('[psql-arguments...]', 'after --: passed on to psql');
  addConnectionOptions(command)
    .usage('[options] <cluster> [rw|ro|any] [-- psql-arguments...]')
    .addHelpText(
      'after',
      '\nExamples:\n  $ howdah psql orders\n  $ howdah psql orders ro -- -c "select pg_is_in_recovery()"\n\nIts exit code is psql\'s own.',
    )
    .action(async (name: string, first: string | undefined, others: string[], options: ConnectionOptions) => {
      const { route, rest } = splitArguments(first === undefined ? others : [first, ...others]);
      const cluster = await connect(options, io).cluster(name);
      const { binDir } = await findPostgres();
      const passFile = new StateLayout(stateDirectory(options.stateDir, io)).passFile(name);
      const environment = existsSync(passFile) ? { ...io.environment, PGPASSFILE: passFile } : io.environment;
      io.exitWith(await run(join(binDir, 'psql'), [...psqlArguments(cluster.endpoints[route]), ...rest], environment));
    });
}

/**
 * The route and what psql gets. commander drops the `--`, so a first word that is no flag must be the route.
 * @throws HowdahError `invalid-argument`
 */
export function splitArguments(args: readonly string[]): { route: RouteName; rest: readonly string[] } {
  const [first, ...others] = args;
  if (first === undefined || first.startsWith('-')) return { route: 'rw', rest: args };
  const route = ROUTE_NAMES.find((name) => name === first);
  if (route !== undefined) return { route, rest: others };
  const message = `must be one of ${ROUTE_NAMES.join(', ')}, not ${JSON.stringify(first)}; arguments of psql start with -`;
  throw new HowdahError('invalid-argument', `the route ${message}`);
}

/** The later argument wins in psql, so a user's own -d or -U behind `--` does. */
export function psqlArguments(endpoint: string): string[] {
  const colon = endpoint.lastIndexOf(':');
  return ['-h', endpoint.slice(0, colon), '-p', endpoint.slice(colon + 1), '-U', 'postgres', '-d', 'postgres'];
}

function run(program: string, args: readonly string[], env: Io['environment']): Promise<number> {
  return new Promise((resolve, reject) => {
    // psql is in our process group and takes Ctrl-C itself: it cancels a query, and must not end us before psql.
    const ignore = () => undefined;
    process.on('SIGINT', ignore);
    const child = spawn(program, args, { stdio: 'inherit', env: { ...env } });
    child.once('error', (cause) => {
      process.off('SIGINT', ignore);
      reject(new HowdahError('missing-dependency', `${program} can't be run: ${cause.message}`, { cause }));
    });
    child.once('exit', (code, signal) => {
      process.off('SIGINT', ignore);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
