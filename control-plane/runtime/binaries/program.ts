/** The search for a program that is one file: a setting, PATH, the cache; else fetched into the cache. */
import { HowdahError } from '../../model/errors.ts';
import type { Artifact } from './artifacts.ts';
import { type BinarySource, isExecutable, type Trial } from './candidate.ts';
import { fetchArtifact, fetchedPrograms } from './fetch.ts';
import { type Host, searchPath, type Tell } from './host.ts';
import { complaint, run } from './run.ts';

export interface ProgramBinary {
  readonly path: string;
  /** For example `1.40.0`. */
  readonly version: string;
  readonly source: BinarySource;
  /** What was found before and passed over, and what is to be known of this one; one sentence each. */
  readonly notices: readonly string[];
}

/** One program and how it is known. */
export interface ProgramKind {
  readonly artifact: Artifact;
  /** Name of the file. */
  readonly file: string;
  /** Environment variable that names its path. */
  readonly setting: string;
  /** What to install or set, as the end of a sentence. */
  readonly help: string;
  /** From what `--version` prints; undefined: it is something else. */
  parseVersion(output: string): string | undefined;
  /** Why a version is refused; undefined when it is taken. */
  refuse(version: string): string | undefined;
  /** What is to be known of a version that is taken; undefined when nothing. */
  warn(version: string): string | undefined;
}

/** @throws HowdahError `missing-dependency`, with what to install or set */
export async function searchProgram(
  kind: ProgramKind,
  host: Host,
  setting: string | undefined,
  fetch: boolean,
  tell: Tell,
): Promise<ProgramBinary> {
  const { artifact, file, help } = kind;
  const notices: string[] = [];
  const attempt = (path: string, source: BinarySource) => tryProgram(kind, path, source, notices);
  const named = setting ?? (host.env[kind.setting] || undefined);
  if (named !== undefined) {
    const trial = await attempt(named, 'setting');
    if (trial.kind === 'found') return trial.found;
    const why = trial.kind === 'absent' ? 'there is no executable file' : trial.why;
    throw new HowdahError('missing-dependency', `${kind.setting} names ${named}: ${why}; ${help}`);
  }
  for (const directory of searchPath(host)) {
    const trial = await attempt(`${directory}/${file}`, 'path');
    if (trial.kind === 'found') return trial.found;
    if (trial.kind === 'refused') notices.push(trial.why);
  }
  const cached = `${fetchedPrograms(host, artifact)}/${file}`;
  let trial = await attempt(cached, 'fetched');
  if (trial.kind !== 'found' && fetch) {
    const isWhole = async () => (await attempt(cached, 'fetched')).kind === 'found';
    await fetchArtifact(host, artifact, isWhole, tell).catch((error: unknown) => {
      const { code, message } = HowdahError.from(error);
      throw new HowdahError(code, `${artifact.title} is missing and ${message}. Otherwise ${help}`, { cause: error });
    });
    trial = await attempt(cached, 'fetched');
  }
  if (trial.kind === 'found') return trial.found;
  const why = [...notices, ...(trial.kind === 'refused' ? [trial.why] : [])].join('; ') || 'none was found';
  const way = trial.kind === 'absent' ? `run \`howdah doctor --fetch\`, or ${help}` : help;
  throw new HowdahError('missing-dependency', `${artifact.title} is missing (${why}): ${way}`);
}

async function tryProgram(
  { artifact, parseVersion, refuse, warn }: ProgramKind,
  path: string,
  source: BinarySource,
  notices: readonly string[],
): Promise<Trial<ProgramBinary>> {
  if (!(await isExecutable(path))) return { kind: 'absent' };
  const printed = await run(path, ['--version']);
  const version = printed.code === 0 ? parseVersion(printed.stdout) : undefined;
  if (!version)
    return {
      kind: 'refused',
      why: `${path} --version doesn't answer as ${artifact.title} does: ${complaint(printed)}`,
    };
  const refusal = refuse(version);
  if (refusal) return { kind: 'refused', why: `${path}: ${refusal}` };
  const warning = warn(version);
  return { kind: 'found', found: { path, version, source, notices: [...notices, ...(warning ? [warning] : [])] } };
}
