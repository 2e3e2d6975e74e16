/** Patroni from PyPI and HAProxy from Debian, fetched once into directories of their own; nothing is installed. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { debianPackages, fetchedOnce } from '../../test/support/debian-packages.ts';

const PATRONI = ['patroni[etcd3]==4.1.5', 'psycopg2-binary==2.9.10'];
/** With the libraries that a machine without HAProxy lacks. */
const HAPROXY = ['haproxy', 'liblua5.3-0', 'libopentracing-c-wrapper0', 'libopentracing1'];

export interface PeerPrograms {
  /** Directory of the Python that has Patroni. */
  readonly patroni: string;
  readonly haproxy: string;
  /** For LD_LIBRARY_PATH of HAProxy. */
  readonly libraries: string;
}

/** @throws Error with what a tool said when it could not be fetched. */
export function fetchPeers(): PeerPrograms {
  const patroni = fetchedOnce('patroni', (into) => {
    execFileSync('python3', ['-m', 'venv', into], { stdio: 'inherit' });
    const options = ['--quiet', '--disable-pip-version-check', '--only-binary=psycopg2-binary'];
    // Programs are named to Python, here and later: those of a virtual environment know its path, and it is moved.
    execFileSync(join(into, 'bin/python3'), ['-m', 'pip', 'install', ...options, ...PATRONI], { stdio: 'inherit' });
  });
  const debian = debianPackages('haproxy', HAPROXY);
  return {
    patroni: join(patroni, 'bin'),
    haproxy: join(debian, 'usr/sbin/haproxy'),
    libraries: join(debian, 'usr/lib/x86_64-linux-gnu'),
  };
}
