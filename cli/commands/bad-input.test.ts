import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../../test/support/free-port.ts';
import { type TempDir, tempDir } from '../../test/support/temp-dir.ts';
import { type Io, systemIo } from '../io.ts';
import { lockStateDirectory } from '../local/lock.ts';
import { run } from '../main.ts';
import { colorsFor } from '../output/colors.ts';

let dir: TempDir;
beforeEach(() => {
  dir = tempDir();
  // Open to the account that PostgreSQL runs as under root.
  chmodSync(dir.path, 0o755);
});
afterEach(() => dir.remove());

/** Exit code and standard error of a command line; the directory's name is taken out. */
async function refused(args: readonly string[], environment: Record<string, string> = {}) {
  let text = '';
  const io: Io = {
    ...systemIo(dir.path),
    environment: { PATH: process.env.PATH, HOWDAH_STATE_DIR: join(dir.path, 'default'), ...environment },
    colors: colorsFor({}, {}),
    out: () => undefined,
    err: (more) => {
      text += more;
    },
  };
  const code = await run(args, io);
  return [code, text.trimEnd().replaceAll(dir.path, 'DIR')] as const;
}

const HEAD = 'apiVersion: howdah.dev/v1alpha1\nkind: PostgresCluster\nmetadata: { name: orders }\n';

function file(name: string, text: string): string {
  writeFileSync(join(dir.path, name), text);
  return join(dir.path, name);
}

const NOTHING_THERE = 'start one with `howdah up -f FILE`, or name the right one with --state-dir or --api';

describe('flags and arguments', () => {
  const cases: [name: string, args: string[], message: string][] = [
    ['a misspelt command', ['statsu'], "howdah: unknown command 'statsu'\n(Did you mean status?)"],
    ['a misspelt flag', ['status', '--wach'], "howdah: unknown option '--wach'\n(Did you mean --watch?)"],
    [
      'a form of output that is none',
      ['status', '-o', 'xml'],
      "howdah: option '-o, --output <format>' argument 'xml' is invalid. Allowed choices are table, json, yaml.",
    ],
    ['a cluster that is not named', ['describe'], "howdah: missing required argument 'cluster'"],
    [
      'too many arguments',
      ['history', 'orders', 'billing'],
      "howdah: too many arguments for 'history'. Expected 1 argument but got 2: orders, billing.",
    ],
    ['up without a file', ['up'], "howdah: required option '-f, --file <file>' not specified"],
    ['a flag without its value', ['up', '-f'], "howdah: option '-f, --file <file>' argument missing"],
    [
      'a level of logs that is none',
      ['up', '-f', 'x', '--log-level', 'loud'],
      "howdah: option '--log-level <level>' argument 'loud' is invalid. Allowed choices are trace, debug, info, warn, error, silent.",
    ],
    [
      'a duration without a unit',
      ['switchover', 'orders', '--wait', '5'],
      "howdah: option '--wait <duration>' argument '5' is invalid. Write a number and a unit: 500ms, 10s, 2m or 1h.",
    ],
    ['a wait that is too long', ['switchover', 'orders', '--wait', '11m'], 'howdah: --wait must be at most 10 m 0 s'],
    ['a drain that is too long', ['restart', 'orders', '--drain', '11m'], 'howdah: --drain must be at most 10 m 0 s'],
    ['no instance to fence', ['fence'], "howdah: missing required argument 'instance'"],
    ['no instance to copy anew', ['reinit', '--yes'], "howdah: missing required argument 'instance'"],
    [
      'two instances to restart',
      ['restart', 'orders', 'orders-1', 'orders-2'],
      "howdah: too many arguments for 'restart'. Expected 2 arguments but got 3: orders, orders-1, orders-2.",
    ],
    [
      'a limit without a unit',
      ['failover', 'orders', '--timeout', '5'],
      "howdah: option '--timeout <duration>' argument '5' is invalid. Write a number and a unit: 500ms, 10s, 2m or 1h.",
    ],
    [
      'a route that is none',
      ['psql', 'orders', 'write'],
      'howdah: the route must be one of rw, ro, any, not "write"; arguments of psql start with -',
    ],
    [
      'an address that is none',
      ['status', '--api', 'localhost:1'],
      'howdah: --api must be an address such as http://127.0.0.1:7400, not "localhost:1"',
    ],
    [
      'a state directory without a name',
      ['status', '--state-dir', ''],
      'howdah: the state directory has no name\n  --state-dir: must not be empty',
    ],
  ];
  it.each(cases)('%s', async (_name, args, message) => {
    expect(await refused(args)).toEqual([2, message]);
  });

  it('an address in the environment that is none', async () => {
    expect(await refused(['status'], { HOWDAH_API: 'ftp://there' })).toEqual([
      2,
      'howdah: HOWDAH_API must be an address such as http://127.0.0.1:7400, not "ftp://there"',
    ]);
  });
});

describe('where nothing runs', () => {
  it('the default directory', async () => {
    expect(await refused(['status'])).toEqual([7, `howdah: no control plane runs in DIR/default: ${NOTHING_THERE}`]);
  });

  it('a directory whose control plane was killed', async () => {
    file('control-plane.json', JSON.stringify({ pid: 2 ** 22, api: 'http://127.0.0.1:1', xds: '127.0.0.1:2' }));
    expect(await refused(['history', 'orders', '--state-dir', dir.path])).toEqual([
      7,
      `howdah: no control plane runs in DIR: ${NOTHING_THERE}`,
    ]);
  });

  it("a directory whose control-plane.json is somebody else's", async () => {
    file('control-plane.json', '{"pid": "none"}');
    expect(await refused(['proxy-status', '--state-dir', dir.path])).toEqual([
      7,
      `howdah: no control plane runs in DIR: ${NOTHING_THERE}`,
    ]);
  });

  it('an address that nobody listens on', async () => {
    const port = await freePort();
    const [code, text] = await refused(['status', '--api', `http://127.0.0.1:${port}`]);
    expect(code).toBe(7);
    expect(text).toContain(`no control plane answers at http://127.0.0.1:${port} (`);
  });
});

describe('howdah up', () => {
  const up = (path: string, stateDir = join(dir.path, 'state')) => refused(['up', '-f', path, '--state-dir', stateDir]);
  const ONE = 'howdah: nothing was started: there is a problem\n';

  it('tells of mistakes in files, the state directory and missing files at once', async () => {
    const wrong = file('wrong.yaml', `${HEAD}spec: { instances: 0, colour: red }\n`);
    file('plain', '');
    const state = join(dir.path, 'plain', 'state');
    expect(await refused(['up', '-f', wrong, '-f', join(dir.path, 'none.yaml'), '--state-dir', state])).toEqual([
      2,
      `howdah: nothing was started: there are 4 problems
  --file: DIR/none.yaml can't be read: there is no such file
  DIR/wrong.yaml:4: spec.instances: must be from 1 to 9, is 0
  DIR/wrong.yaml:4: spec.colour: is no field: remove it; the fields of spec are instances, postgres, durability, routes, failover, tags
  --state-dir: DIR/plain/state can't be written (it is a file): give another directory`,
    ]);
  });

  it('a directory in place of a file', async () => {
    expect(await up(dir.path)).toEqual([2, `${ONE}  --file: DIR can't be read: it is a directory`]);
  });

  it('a file in place of the state directory', async () => {
    const good = file('good.yaml', HEAD);
    expect(await up(good, good)).toEqual([
      6,
      `${ONE}  --state-dir: DIR/good.yaml can't be written (it is a file): give another directory`,
    ]);
  });

  it('a state directory where nothing can be made', async () => {
    expect(await up(file('good.yaml', HEAD), '/proc/howdah')).toEqual([
      6,
      `${ONE}  --state-dir: /proc/howdah can't be written (nothing can be made there): give another directory`,
    ]);
  });

  it('a state directory that another up has', async () => {
    const state = join(dir.path, 'state');
    mkdirSync(state);
    const lock = lockStateDirectory(state);
    try {
      expect(await up(file('good.yaml', HEAD), state)).toEqual([
        6,
        `${ONE}  --state-dir: \`howdah up\` with pid ${process.pid} already runs on DIR/state: stop it first, or give another directory with --state-dir`,
      ]);
    } finally {
      lock.release();
    }
  });

  it('a port that is taken, by file and line', async () => {
    const port = await freePort();
    const server = await listen(port);
    try {
      const taken = file('taken.yaml', `${HEAD}spec:\n  routes:\n    rw:\n      port: ${port}\n`);
      expect(await up(taken)).toEqual([
        6,
        `${ONE}  DIR/taken.yaml:7: spec.routes.rw.port: port ${port} is taken by another program: choose another one, or 0 to have a free one chosen`,
      ]);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('a damaged placements.json', async () => {
    mkdirSync(join(dir.path, 'state'));
    file('state/placements.json', '{"version": 1, "clusters": {}}');
    const [code, text] = await up(file('good.yaml', HEAD));
    expect(code).toBe(9);
    expect(text).toContain('DIR/state/placements.json is damaged (');
    expect(text).toContain('remove it and other ports are chosen; the data is not touched');
  });
});

describe('programs that howdah up needs', () => {
  it('an old PostgreSQL is refused by name, with exit code 10', async () => {
    mkdirSync(join(dir.path, 'bin'));
    file('bin/postgres', '#!/bin/sh\necho "postgres (PostgreSQL) 14.9"\n');
    chmodSync(join(dir.path, 'bin', 'postgres'), 0o755);
    // In a process of its own: what was found is kept for the life of one.
    const program = new URL('../bin.js', import.meta.url).pathname;
    const args = [program, 'up', '-f', file('good.yaml', HEAD), '--state-dir', join(dir.path, 'state')];
    const env = { ...process.env, HOWDAH_POSTGRES_BIN: join(dir.path, 'bin') };
    const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8', timeout: 15_000 });
    expect(status).toBe(10);
    expect(stderr).toContain(`  postgres: HOWDAH_POSTGRES_BIN names ${dir.path}/bin: `);
    expect(stderr).toContain('14.9');
  });
});

function listen(port: number): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(port, '127.0.0.1', () => resolve(server));
  });
}
