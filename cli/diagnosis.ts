/** What Howdah needs of this machine, and what of it is there. */
import { readFileSync, statfsSync } from 'node:fs';
import { HowdahError } from '../control-plane/model/errors.ts';
import {
  cacheDirectory,
  findEnvoy,
  findEtcd,
  findPip,
  findPostgres,
  findSetpriv,
  type Host,
  postgresUser,
} from '../control-plane/runtime/binaries/index.ts';
import { formatBytes } from './output/units.ts';

export interface Finding {
  readonly name: string;
  /** `warning`: Howdah runs, but see `detail`. `missing`: it doesn't. */
  readonly status: 'ok' | 'warning' | 'missing';
  /** '' where there is none. */
  readonly version: string;
  /** Path or place, '' where there is none. */
  readonly where: string;
  /** What to know or to do about it; '' when nothing. */
  readonly detail: string;
}

export interface DiagnosisOptions {
  readonly host: Host;
  readonly fetch: boolean;
  tell(line: string): void;
}

export async function diagnose({ host, fetch, tell }: DiagnosisOptions): Promise<Finding[]> {
  const find = { host, fetch, tell };
  const envoy = await attempt('envoy', async () => {
    const { version, path, source, notices } = await findEnvoy(find);
    return { version, where: path, detail: [`from ${SOURCES[source]}`, ...notices].join('; ') };
  });
  const postgres = await attempt('postgres', async () => {
    const { version, binDir, source, notices } = await findPostgres(find);
    return { version, where: binDir, detail: [`from ${SOURCES[source]}`, ...notices].join('; ') };
  });
  const etcd = await attempt('etcd', async () => {
    const { version, path, source, notices } = await findEtcd(find);
    return { version, where: path, detail: [`from ${SOURCES[source]}`, ...notices].join('; ') };
  });
  const mustFetch = envoy.status !== 'ok' || postgres.status !== 'ok';
  return [
    platform(),
    ok('node', { version: process.versions.node, where: process.execPath }),
    envoy,
    postgres,
    optionalEtcd(etcd),
    await attempt('setpriv', async () => {
      const { version, path } = await findSetpriv(host);
      return { version, where: path };
    }),
    await attempt('postgres user', async () => {
      const user = postgresUser(host);
      return user === null ? { where: `this user (${host.uid})` } : { where: `${user.name} (${user.uid})` };
    }),
    await pip(host, mustFetch),
    ok('cache', { where: cacheDirectory(host) }),
    sharedMemory('/dev/shm'),
    openFiles(readFileSync('/proc/self/limits', 'utf8')),
  ];
}

/** Only `up --store etcd` starts one. */
function optionalEtcd(finding: Finding): Finding {
  if (finding.status === 'ok') return finding;
  return { ...finding, status: 'ok', detail: 'not there; needed for `howdah up --store etcd` only, which fetches it' };
}

const SOURCES = {
  setting: 'the setting',
  path: 'PATH',
  system: 'the operating system',
  fetched: 'the cache',
} as const;

type Found = Partial<Pick<Finding, 'version' | 'where' | 'detail'>>;

function ok(name: string, found: Found): Finding {
  return { name, status: 'ok', version: '', where: '', detail: '', ...found };
}

async function attempt(name: string, look: () => Promise<Found>): Promise<Finding> {
  try {
    return ok(name, await look());
  } catch (thrown) {
    const error = HowdahError.from(thrown);
    if (error.code === 'internal') throw error;
    return { ...ok(name, {}), status: 'missing', detail: error.message };
  }
}

function platform(): Finding {
  const where = `${process.platform} ${process.arch}`;
  if (process.platform === 'linux') return ok('system', { where });
  return { ...ok('system', { where }), status: 'missing', detail: 'Howdah runs on Linux only' };
}

/** Only needed to fetch: its absence is a matter of note when nothing is left to fetch. */
async function pip(host: Host, needed: boolean): Promise<Finding> {
  const finding = await attempt('pip', async () => {
    const { command, version } = await findPip(host);
    return { version, where: command.join(' ') };
  });
  if (finding.status === 'ok' || needed) return finding;
  return { ...finding, status: 'ok', detail: 'not there, and not needed: nothing is to be fetched' };
}

// PostgreSQL keeps the memory that parallel queries share there; containers often get 64 MiB.
const SHARED_MEMORY_BYTES = 64 * 2 ** 20;

function sharedMemory(where: string): Finding {
  try {
    const { bavail, bsize } = statfsSync(where);
    const free = bavail * bsize;
    const detail = `${formatBytes(free)} free`;
    if (free >= SHARED_MEMORY_BYTES) return ok('shared memory', { where, detail });
    const more = `${detail}: PostgreSQL wants 64 MiB or more for parallel queries (a container: --shm-size)`;
    return { ...ok('shared memory', { where, detail: more }), status: 'warning' };
  } catch {
    const detail = 'not there: PostgreSQL falls back to slower kinds of shared memory';
    return { ...ok('shared memory', { where, detail }), status: 'warning' };
  }
}

// Each session through an Envoy takes two.
const OPEN_FILES = 4096;

function openFiles(limits: string): Finding {
  const [, soft = '', hard = ''] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(limits) ?? [];
  const where = `${soft}, at most ${hard}`;
  if (hard === 'unlimited' || Number(hard) >= OPEN_FILES) return ok('open files', { where });
  const detail = `few for many sessions: raise it to ${OPEN_FILES} or more (\`ulimit -n\`)`;
  return { ...ok('open files', { where, detail }), status: 'warning' };
}
