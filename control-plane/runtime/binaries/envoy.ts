import { HowdahError } from '../../model/errors.ts';
import { ENVOY_ARTIFACT } from './artifacts.ts';
import { type BinarySource, isExecutable, type Trial } from './candidate.ts';
import { fetchArtifact, fetchedPrograms } from './fetch.ts';
import { type Host, searchPath, type Tell } from './host.ts';
import { complaint, run } from './run.ts';
import { parseEnvoyVersion, refuseEnvoy } from './version.ts';

export interface EnvoyBinary {
  readonly path: string;
  /** For example `1.40.0`. */
  readonly version: string;
  readonly source: BinarySource;
  /** What was found before and passed over, one sentence each. */
  readonly notices: readonly string[];
}

const ENVOY_HELP = 'install Envoy 1.37 or newer and put it on PATH, or set HOWDAH_ENVOY to the path of the binary';

export async function searchEnvoy(
  host: Host,
  setting: string | undefined,
  fetch: boolean,
  tell: Tell,
): Promise<EnvoyBinary> {
  const notices: string[] = [];
  const named = setting ?? (host.env.HOWDAH_ENVOY || undefined);
  if (named !== undefined) {
    const trial = await tryEnvoy(named, 'setting', notices);
    if (trial.kind === 'found') return trial.found;
    const why = trial.kind === 'absent' ? 'there is no executable file' : trial.why;
    throw new HowdahError('missing-dependency', `HOWDAH_ENVOY names ${named}: ${why}; ${ENVOY_HELP}`);
  }
  for (const directory of searchPath(host)) {
    const trial = await tryEnvoy(`${directory}/envoy`, 'path', notices);
    if (trial.kind === 'found') return trial.found;
    if (trial.kind === 'refused') notices.push(trial.why);
  }
  const cached = `${fetchedPrograms(host, ENVOY_ARTIFACT)}/envoy`;
  let trial = await tryEnvoy(cached, 'fetched', notices);
  if (trial.kind !== 'found' && fetch) {
    await fetchArtifact(
      host,
      ENVOY_ARTIFACT,
      async () => (await tryEnvoy(cached, 'fetched', notices)).kind === 'found',
      tell,
    ).catch((error: unknown) => {
      const { code, message } = HowdahError.from(error);
      throw new HowdahError(code, `Envoy is missing and ${message}. Otherwise ${ENVOY_HELP}`, { cause: error });
    });
    trial = await tryEnvoy(cached, 'fetched', notices);
  }
  if (trial.kind === 'found') return trial.found;
  const why = [...notices, ...(trial.kind === 'refused' ? [trial.why] : [])].join('; ') || 'none was found';
  const help = trial.kind === 'absent' ? `run \`howdah doctor --fetch\`, or ${ENVOY_HELP}` : ENVOY_HELP;
  throw new HowdahError('missing-dependency', `Envoy is missing (${why}): ${help}`);
}

async function tryEnvoy(path: string, source: BinarySource, notices: readonly string[]): Promise<Trial<EnvoyBinary>> {
  if (!(await isExecutable(path))) return { kind: 'absent' };
  const printed = await run(path, ['--version']);
  const version = printed.code === 0 ? parseEnvoyVersion(printed.stdout) : undefined;
  if (!version)
    return { kind: 'refused', why: `${path} --version doesn't answer as Envoy does: ${complaint(printed)}` };
  const refusal = refuseEnvoy(version);
  if (refusal) return { kind: 'refused', why: `${path}: ${refusal}` };
  return { kind: 'found', found: { path, version, source, notices: [...notices] } };
}
