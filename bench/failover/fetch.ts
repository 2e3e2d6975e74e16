/** Patroni from PyPI and HAProxy from Debian, fetched once into directories of their own; nothing is installed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { debianPackages, fetchedOnce } from '../../test/support/debian-packages.ts';

const PATRONI = ['patroni[etcd3]==4.1.5', 'psycopg2-binary==2.9.10'];
/** With the libraries that a machine without HAProxy lacks. */
const HAPROXY = ['haproxy', 'liblua5.3-0', 'libopentracing-c-wrapper0', 'libopentracing1'];

/** The system's own first: another may be where PostgreSQL's account can't go. */
const PYTHONS = ['/usr/bin/python3', 'python3'];

export interface PeerPrograms {
  readonly python: string;
  /** Directory of Patroni and all that it imports, for PYTHONPATH; `bin/patroni` is in it. */
  readonly patroni: string;
  readonly haproxy: string;
  /** For LD_LIBRARY_PATH of HAProxy. */
  readonly libraries: string;
}

/** @throws Error with what a tool said when it could not be fetched. */
export function fetchPeers(): PeerPrograms {
  const patroni = fetchedOnce('patroni', (into) => {
    const options = ['--quiet', '--disable-pip-version-check', '--only-binary=psycopg2-binary', '--target', into];
    execFileSync('python3', ['-m', 'pip', 'install', ...options, ...PATRONI], { stdio: 'inherit' });
  });
  const debian = debianPackages('haproxy', HAPROXY);
  return {
    python: PYTHONS.find((python) => spawnSync(python, ['-c', '']).status === 0)!,
    patroni,
    haproxy: join(debian, 'usr/sbin/haproxy'),
    libraries: join(debian, 'usr/lib/x86_64-linux-gnu'),
  };
}
