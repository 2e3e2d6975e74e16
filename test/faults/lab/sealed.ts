/**
 * A program in network, mount and process namespaces of its own: its addresses, its mounts and all that it starts are
 * gone with it, however it ends, because the kernel removes them. What the kernel doesn't remove - directories and
 * control groups - carries the pid of the run, and the next run sweeps what dead ones left.
 * https://man7.org/linux/man-pages/man7/namespaces.7.html
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRunning } from '../../support/processes.ts';

export const PREFIX = 'howdah-faults-';
const RUN_VARIABLE = 'HOWDAH_FAULTS_RUN';
const TOOLS = ['ip', 'nsenter', 'unshare', 'setpriv'];
const NAMESPACES = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
/** The first process of a process namespace: takes in orphans, passes a stop on, ends as its child does. */
const INIT =
  'trap \'kill -TERM "$child"\' TERM INT; "$@" & child=$!; wait "$child"; code=$?; ' +
  'while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done; exit "$code"';

/** Why no sealed program can run here, a sentence each; [] = it can. */
export function missingForSealing(): string[] {
  if (process.platform !== 'linux') return ['namespaces are there on Linux only'];
  if (process.geteuid?.() !== 0) return ['network namespaces need root'];
  const absent = TOOLS.filter((tool) => spawnSync('/bin/sh', ['-c', `command -v ${tool}`]).status !== 0);
  if (absent.length > 0) return [`not installed: ${absent.join(', ')} (Debian: apt-get install iproute2 util-linux)`];
  // A container may hold the tools and not the rights.
  const probe = '/bin/mount -t tmpfs probe /mnt && ip link add probe0 type veth peer name probe1';
  const tried = spawnSync('unshare', [...NAMESPACES, '--', '/bin/sh', '-c', probe], { encoding: 'utf8' });
  if (tried.status === 0) return [];
  return [`this machine makes no namespaces with mounts and veth pairs: ${tried.stderr.trim()}`];
}

/** Runs a TypeScript file of ours sealed and resolves with its exit code. SIGTERM and SIGINT are passed on. */
export async function runSealed(file: string, args: readonly string[]): Promise<number> {
  sweep();
  const command = ['--', '/bin/sh', '-c', INIT, 'init', process.execPath, file, ...args];
  const child = spawn('unshare', [...NAMESPACES, ...command], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, [RUN_VARIABLE]: String(process.pid) },
    detached: true,
  });
  const pass = () => void child.kill('SIGTERM');
  process.on('SIGINT', pass).on('SIGTERM', pass);
  const [code] = await once(child, 'exit');
  process.off('SIGINT', pass).off('SIGTERM', pass);
  sweep(process.pid);
  return typeof code === 'number' ? code : 1;
}

/** The pid, outside, of the run that this process is sealed in; undefined when it isn't. */
export function sealedRun(): number | undefined {
  const text = process.env[RUN_VARIABLE];
  return text === undefined ? undefined : Number(text);
}

/** Where control groups of version 2 are; undefined where there are none. They can be frozen and killed as one. */
export function cgroupRoot(): string | undefined {
  const line = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .find((text) => text.split(' ')[2] === 'cgroup2');
  return line?.split(' ')[1];
}

/** Removes what runs that are dead left, and what `ended` did. */
function sweep(ended?: number): void {
  const gone = (name: string) => {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)`).exec(name)?.[1] ?? Number.NaN);
    return !Number.isNaN(pid) && (pid === ended || !isRunning(pid));
  };
  for (const name of readdirSync(tmpdir()).filter(gone)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  const root = cgroupRoot();
  if (root === undefined) return;
  for (const name of readdirSync(root).filter(gone)) removeGroup(join(root, name));
}

function removeGroup(group: string): void {
  const below = readdirSync(group, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const entry of below) removeGroup(join(group, entry.name));
  try {
    writeFileSync(join(group, 'cgroup.kill'), '1');
    rmdirSync(group);
  } catch {
    // Its processes are still on their way out: the next sweep gets it.
  }
}

/**
 * Mounts a file system in memory; it goes with the namespace.
 * @param sizeMegabytes all that it can hold
 * @param mode octal; default: others may read
 */
export function mountMemory(directory: string, sizeMegabytes: number, mode = '755'): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const options = `size=${sizeMegabytes}m,mode=${mode}`;
  const done = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'howdah', directory], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`no memory file system at ${directory}: ${done.stderr.trim()}`);
}
