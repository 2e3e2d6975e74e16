import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TempDir, tempDir } from '../../test/support/temp-dir.ts';
import { type Io, systemIo } from '../io.ts';
import { run } from '../main.ts';
import { colorsFor } from '../output/colors.ts';

let dir: TempDir;
beforeEach(() => {
  dir = tempDir();
});
afterEach(() => dir.remove());

/** Runs a command line; its output with the directory's name taken out. */
async function howdah(args: readonly string[], environment: Record<string, string> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const shown = (texts: string[]) => texts.join('').replaceAll(dir.path, 'DIR');
  const io: Io = {
    ...systemIo(dir.path),
    environment: { ...process.env, ...environment },
    colors: colorsFor({}, {}),
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
  };
  const code = await run(args, io);
  return { code, out: shown(out), err: shown(err) };
}

function file(name: string, text: string): string {
  writeFileSync(`${dir.path}/${name}`, text);
  return `${dir.path}/${name}`;
}

const HEAD = 'apiVersion: howdah.dev/v1alpha1\nkind: PostgresCluster\nmetadata: {name: orders}\n';

describe('howdah validate', () => {
  it('says that all is well', async () => {
    const good = file('good.yaml', HEAD);
    expect(await howdah(['validate', '-f', good])).toEqual({
      code: 0,
      out: 'DIR/good.yaml: ok, the cluster orders\n',
      err: '',
    });
  });

  it('lists every mistake of every file with file and line, and exits with 2', async () => {
    const one = file('one.yaml', `${HEAD}spec: {instances: 0}\n`);
    const two = file('two.yaml', '');
    expect(await howdah(['validate', '-f', one, '-f', two, '-f', `${dir.path}/none.yaml`])).toEqual({
      code: 2,
      out: `DIR/none.yaml: can't be read: ENOENT: no such file or directory, open 'DIR/none.yaml'
DIR/one.yaml:4: spec.instances: must be from 1 to 9, is 0
DIR/two.yaml:1: is empty: write at least one document with apiVersion, kind, metadata and spec
`,
      err: '',
    });
  });

  it('as JSON for programs', async () => {
    const { code, out } = await howdah([
      'validate',
      '-f',
      file('a.yaml', `${HEAD}spec: {instances: 0}\n`),
      '-o',
      'json',
    ]);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toEqual({
      valid: false,
      clusters: [],
      problems: [{ path: 'spec.instances', message: 'must be from 1 to 9, is 0', file: 'DIR/a.yaml', line: 4 }],
    });
  });

  it.each([
    [['validate'], "required option '-f, --file <file>' not specified"],
    [
      ['validate', '-f', 'x', '-o', 'xml'],
      "option '-o, --output <format>' argument 'xml' is invalid. Allowed choices are table, json, yaml.",
    ],
    [['validate', 'x.yaml'], "required option '-f, --file <file>' not specified"],
    [['validate', '-f', 'x', 'y'], "too many arguments for 'validate'. Expected 0 arguments but got 1"],
    [['doctor', '--fetsch'], "unknown option '--fetsch'\n(Did you mean --fetch?)"],
  ])('refuses flags: %j', async (args, message) => {
    const { code, err } = await howdah(args);
    expect({ code, err: err.trim() }).toEqual({ code: 2, err: expect.stringContaining(message) });
  });
});

describe('howdah doctor', () => {
  it('shows what is missing and what to do, and exits with 10', async () => {
    const { code, out } = await howdah(['doctor'], { HOWDAH_ENVOY: '/nowhere/envoy' });
    expect(code).toBe(10);
    expect(out).toMatch(/^NEED +STATE +VERSION +WHERE +NOTE$/m);
    expect(out).toMatch(/^node +ok +\d+\.\d+\.\d+ +\/\S+/m);
    expect(out).toMatch(/^envoy +missing +- +-$/m);
    expect(out).toContain('envoy: HOWDAH_ENVOY names /nowhere/envoy: there is no executable file; install Envoy 1.37');
  });

  it('as JSON for programs', async () => {
    const { out } = await howdah(['doctor', '-o', 'json'], { HOWDAH_POSTGRES_BIN: '/nowhere' });
    expect(JSON.parse(out).findings).toContainEqual({
      name: 'postgres',
      status: 'missing',
      version: '',
      where: '',
      detail: expect.stringContaining('HOWDAH_POSTGRES_BIN names /nowhere: there is no executable "postgres" in it'),
    });
  });
});
