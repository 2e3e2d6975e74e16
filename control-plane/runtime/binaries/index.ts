/**
 * The programs that Howdah runs: where they are, and how they come when they aren't there. Order: an explicit setting,
 * PATH, the operating system's own place, the cache; else fetched once into the cache.
 */
import { ENVOY } from './envoy.ts';
import { ETCD } from './etcd.ts';
import { type Host, type Tell, thisHost } from './host.ts';
import { type PostgresBinaries, searchPostgres } from './postgres.ts';
import { type ProgramBinary, type ProgramKind, searchProgram } from './program.ts';

export { cacheDirectory } from './cache.ts';
export type { BinarySource } from './candidate.ts';
export { findPip, type Pip } from './fetch.ts';
export { type Host, thisHost } from './host.ts';
export type { PostgresBinaries } from './postgres.ts';
export type { ProgramBinary } from './program.ts';
export { findSetpriv, postgresUser, type Setpriv, type SystemUser } from './user.ts';

export interface FindOptions {
  /** Path of the binary (Envoy) or its bin directory (PostgreSQL); beats the environment variable. */
  readonly setting?: string | undefined;
  /** Whether to fetch what is nowhere. Default true. */
  readonly fetch?: boolean;
  /** Told what is being waited for. Default: a line to standard error. */
  readonly tell?: Tell;
  /** Default: this machine, and then the result is kept for the life of the process. */
  readonly host?: Host;
}

/**
 * Envoy 1.37 or newer. Environment: HOWDAH_ENVOY, the path of the binary.
 * @throws HowdahError `missing-dependency`, with what to install or set
 */
export function findEnvoy(options: FindOptions = {}): Promise<ProgramBinary> {
  return once(envoys, options, searchFor(ENVOY));
}

/**
 * PostgreSQL 15 to 18 with all its tools, runnable by postgresUser(). Environment: HOWDAH_POSTGRES_BIN, the bin directory.
 * @throws HowdahError `missing-dependency`, with what to install or set
 */
export function findPostgres(options: FindOptions = {}): Promise<PostgresBinaries> {
  return once(postgreses, options, searchPostgres);
}

/**
 * etcd 3.4 or newer. Environment: HOWDAH_ETCD, the path of the binary.
 * @throws HowdahError `missing-dependency`, with what to install or set
 */
export function findEtcd(options: FindOptions = {}): Promise<ProgramBinary> {
  return once(etcds, options, searchFor(ETCD));
}

const envoys = new Map<string, Promise<ProgramBinary>>();
const etcds = new Map<string, Promise<ProgramBinary>>();
const postgreses = new Map<string, Promise<PostgresBinaries>>();

type Search<Found> = (host: Host, setting: string | undefined, fetch: boolean, tell: Tell) => Promise<Found>;

function searchFor(kind: ProgramKind): Search<ProgramBinary> {
  return (host, setting, fetch, tell) => searchProgram(kind, host, setting, fetch, tell);
}

function once<Found>(kept: Map<string, Promise<Found>>, options: FindOptions, search: Search<Found>): Promise<Found> {
  const tell = options.tell ?? ((line: string) => process.stderr.write(`howdah: ${line}\n`));
  const start = () => search(options.host ?? thisHost(), options.setting, options.fetch ?? true, tell);
  if (options.host) return start();
  const key = JSON.stringify([options.setting, options.fetch ?? true]);
  const known = kept.get(key);
  if (known) return known;
  const found = start();
  kept.set(key, found);
  // A failure isn't kept: the user may install what is missing meanwhile.
  found.catch(() => kept.delete(key));
  return found;
}
