/** Patroni from PyPI and HAProxy from Debian, fetched once into a directory of their own; nothing is installed. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory, thisHost } from '../../control-plane/runtime/binaries/index.ts';

const PATRONI = ['patroni[etcd3]==4.1.5', 'psycopg2-binary==2.9.10'];
/** With the libraries that a machine without HAProxy lacks. */
const HAPROXY = ['haproxy', 'liblua5.3-0', 'libopentracing-c-wrapper0', 'libopentracing1'];

export interface PeerPrograms {
  readonly patroni: string;
  readonly haproxy: string;
  /** For LD_LIBRARY_PATH of HAProxy; '' where the machine's own is used. */
  readonly libraries: string;
}

/** @throws Error with what a tool said when it could not be fetched. */
export function fetchPeers(): PeerPrograms {
  const root = join(cacheDirectory(thisHost()), 'bench-failover');
  const patroni = once(join(root, 'patroni'), (into) => {
    execFileSync('python3', ['-m', 'venv', into], { stdio: 'inherit' });
    const options = ['--quiet', '--disable-pip-version-check', '--only-binary=psycopg2-binary'];
    // By `python -m pip`: the programs of a virtual environment know its path, and it is moved afterwards.
    execFileSync(join(into, 'bin/python3'), ['-m', 'pip', 'install', ...options, ...PATRONI], { stdio: 'inherit' });
  });
  const debian = once(join(root, 'haproxy'), (into) => {
    mkdirSync(into, { recursive: true });
    execFileSync('apt-get', ['download', ...HAPROXY], { cwd: into, stdio: 'inherit' });
    for (const name of readdirSync(into).filter((file) => file.endsWith('.deb'))) {
      execFileSync('dpkg-deb', ['-x', name, '.'], { cwd: into, stdio: 'inherit' });
    }
  });
  return {
    patroni: join(patroni, 'bin'),
    haproxy: join(debian, 'usr/sbin/haproxy'),
    libraries: join(debian, 'usr/lib/x86_64-linux-gnu'),
  };
}

/** A directory that is there whole or not at all. */
function once(directory: string, make: (into: string) => void): string {
  if (existsSync(directory)) return directory;
  const work = `${directory}.unfinished`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(join(work, '..'), { recursive: true });
  make(work);
  renameSync(work, directory);
  return directory;
}
