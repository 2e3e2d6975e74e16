import { readdir, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { HowdahError } from '../../model/errors.ts';
import { POSTGRES_ARTIFACT } from './artifacts.ts';
import { type BinarySource, isExecutable, type Trial } from './candidate.ts';
import { fetchArtifact, fetchedPrograms } from './fetch.ts';
import { type Host, searchPath, type Tell } from './host.ts';
import { complaint, run } from './run.ts';
import { postgresUser, type SystemUser } from './user.ts';
import { parsePostgresVersion, refusePostgres } from './version.ts';

export interface PostgresBinaries {
  /** Directory of initdb, postgres and the others; they find their libraries and files from there. */
  readonly binDir: string;
  /** For example `18.6`. */
  readonly version: string;
  readonly major: number;
  readonly source: BinarySource;
  /** What was found before and passed over, one sentence each. */
  readonly notices: readonly string[];
}

/** All that an agent runs. Distributions put some of them in packages of their own. */
const TOOLS = ['postgres', 'initdb', 'pg_ctl', 'pg_basebackup', 'pg_rewind', 'pg_controldata', 'psql'] as const;

const POSTGRES_HELP =
  'install PostgreSQL 15 to 18 (Debian, Ubuntu: `apt install postgresql`), or set HOWDAH_POSTGRES_BIN to its bin directory';

export async function searchPostgres(
  host: Host,
  setting: string | undefined,
  fetch: boolean,
  tell: Tell,
): Promise<PostgresBinaries> {
  const user = postgresUser(host);
  const notices: string[] = [];
  const attempt = (binDir: string, source: BinarySource) => tryPostgres(binDir, source, user, notices);

  const named = setting ?? (host.env.HOWDAH_POSTGRES_BIN || undefined);
  if (named !== undefined) {
    const trial = await attempt(named, 'setting');
    if (trial.kind === 'found') return trial.found;
    const why = trial.kind === 'absent' ? 'there is no executable "postgres" in it' : trial.why;
    throw new HowdahError('missing-dependency', `HOWDAH_POSTGRES_BIN names ${named}: ${why}; ${POSTGRES_HELP}`);
  }
  for (const [binDir, source] of await installedPlaces(host)) {
    const trial = await attempt(binDir, source);
    if (trial.kind === 'found') return trial.found;
    if (trial.kind === 'refused') notices.push(trial.why);
  }
  const cached = fetchedPrograms(host, POSTGRES_ARTIFACT);
  let trial = await attempt(cached, 'fetched');
  if (trial.kind !== 'found' && fetch) {
    const isWhole = async () => (await attempt(cached, 'fetched')).kind === 'found';
    await fetchArtifact(host, POSTGRES_ARTIFACT, isWhole, tell).catch((error: unknown) => {
      const { code, message } = HowdahError.from(error);
      throw new HowdahError(code, `PostgreSQL is missing and ${message}. Otherwise ${POSTGRES_HELP}`, { cause: error });
    });
    trial = await attempt(cached, 'fetched');
  }
  if (trial.kind === 'found') return trial.found;
  const why = [...notices, ...(trial.kind === 'refused' ? [trial.why] : [])].join('; ') || 'none was found';
  const help = trial.kind === 'absent' ? `run \`howdah doctor --fetch\`, or ${POSTGRES_HELP}` : POSTGRES_HELP;
  throw new HowdahError('missing-dependency', `PostgreSQL is missing (${why}): ${help}`);
}

/** PATH in order, then the operating system's directories with the newest version first. Each directory once. */
async function installedPlaces(host: Host): Promise<ReadonlyMap<string, BinarySource>> {
  const places = new Map<string, BinarySource>();
  for (const directory of searchPath(host)) {
    if (!(await isExecutable(`${directory}/postgres`))) continue;
    // PATH often holds links to some of the programs only; beside the real one are all.
    const real = dirname(await realpath(`${directory}/postgres`));
    const whole = (await missingTools(real)).length === 0;
    places.set(whole ? real : directory, 'path');
  }
  const versions = await readdir(host.postgresRoot).catch(() => []);
  for (const version of versions.sort((a, b) => Number(b) - Number(a))) {
    const directory = `${host.postgresRoot}/${version}/bin`;
    if (!places.has(directory)) places.set(directory, 'system');
  }
  return places;
}

async function tryPostgres(
  binDir: string,
  source: BinarySource,
  user: SystemUser | null,
  notices: readonly string[],
): Promise<Trial<PostgresBinaries>> {
  const program = `${binDir}/postgres`;
  if (!(await isExecutable(program))) return { kind: 'absent' };
  // As the user that it will run as: a directory above may be closed to them.
  const printed = await run(program, ['--version'], { user });
  const version = printed.code === 0 ? parsePostgresVersion(printed.stdout) : undefined;
  if (!version) {
    const as = user ? ` as user ${user.name}` : '';
    return { kind: 'refused', why: `${program} can't be run${as}: ${complaint(printed)}` };
  }
  const refusal = refusePostgres(version);
  if (refusal) return { kind: 'refused', why: `${program}: ${refusal}` };
  const missing = await missingTools(binDir);
  if (missing.length > 0) {
    return { kind: 'refused', why: `${binDir} holds PostgreSQL ${version.text} without ${missing.join(', ')}` };
  }
  return {
    kind: 'found',
    found: { binDir, version: version.text, major: version.major, source, notices: [...notices] },
  };
}

async function missingTools(binDir: string): Promise<string[]> {
  const missing: string[] = [];
  for (const tool of TOOLS) if (!(await isExecutable(`${binDir}/${tool}`))) missing.push(tool);
  return missing;
}
