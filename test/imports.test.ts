import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { brokenRules, importsOf, SOURCE_DIRECTORIES } from './support/import-rules.ts';

const ROOT = join(import.meta.dirname, '..');

/** One broken rule a line: a failed comparison shows exactly what is to be mended. */
function broken(files: Record<string, string>): string {
  return brokenRules(new Map(Object.entries(files))).join('\n');
}

describe('the sources', () => {
  const files = SOURCE_DIRECTORIES.flatMap((directory) => globSync(`${directory}/**/*.ts`, { cwd: ROOT })).sort();
  const sources = Object.fromEntries(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]));

  it('are found', () => {
    for (const directory of SOURCE_DIRECTORIES)
      expect(files.some((file) => file.startsWith(`${directory}/`))).toBe(true);
  });

  // A worktree whose packages are a link would otherwise replace those of every other checkout by it.
  it.runIf(existsSync(join(ROOT, '.git')))('have no packages among them', () => {
    expect(execFileSync('git', ['ls-files', 'node_modules'], { cwd: ROOT, encoding: 'utf8' })).toBe('');
  });

  it('import only what their part may, stay pure where they must, and are short', () => {
    expect(broken(sources)).toBe('');
  });
});

describe('importsOf', () => {
  it('finds every form and no comment', () => {
    const source = `
      import a from './a.ts';
      import type { B } from "./b.ts";
      import { c,
        d } from '../c.ts';
      import './e.ts';
      export * from './f.ts';
      export type { G } from './g.ts';
      const h = await import('./h.ts');
      const text = "from './no.ts'";
      // import x from './no.ts';
      /* import y from './no.ts'; */
    `;
    const found = importsOf(source).map(({ specifier, typeOnly }) => `${specifier}${typeOnly ? ' type' : ''}`);
    expect(found.sort()).toEqual(
      ['./a.ts', './b.ts type', '../c.ts', './e.ts', './f.ts', './g.ts type', './h.ts'].sort(),
    );
  });
});

describe('a broken rule is found', () => {
  const model = { 'control-plane/model/lsn.ts': '' };
  it.each([
    [
      'xds may not know the control plane',
      { ...model, 'xds/diff.ts': "import type { Lsn } from '../control-plane/model/lsn.ts';\n" },
      'xds/diff.ts imports control-plane/model/lsn.ts: xds may import only xds/, proto/, grpc/',
    ],
    [
      'the model imports nothing',
      { 'proto/encode.ts': '', 'control-plane/model/x.ts': "import { encode } from '../../proto/encode.ts';\n" },
      'control-plane/model/x.ts imports proto/encode.ts: control-plane/model may import only control-plane/model/',
    ],
    [
      'the command line sees the API only',
      {
        'control-plane/manager/decide.ts': '',
        'cli/x.ts': "const d = import('../control-plane/manager/decide.ts');\n",
      },
      'cli/x.ts imports control-plane/manager/decide.ts: cli may import only cli/, control-plane/api/, control-plane/model/, control-plane/runtime/',
    ],
    [
      'only proto touches protobufjs',
      { 'xds/server.ts': "import protobuf from 'protobufjs/light.js';\n" },
      'xds/server.ts imports protobufjs: only proto/ may',
    ],
    [
      'deciding reads no files',
      { 'control-plane/manager/decide.ts': "import { readFileSync } from 'node:fs';\n" },
      'control-plane/manager/decide.ts is pure, but imports node:fs: pure files import only node:crypto, re2js, yaml, zod',
    ],
    [
      'deciding does not reach I/O through a file of ours',
      {
        'control-plane/store/file-store.ts': '',
        'control-plane/manager/decide.ts': "import { open } from '../store/file-store.ts';\n",
      },
      'control-plane/manager/decide.ts is pure, but imports a value of control-plane/store/file-store.ts, which is not: pass it in, or import its type only',
    ],
    ['a file is there', { 'cli/x.ts': "import './y.ts';\n" }, 'cli/x.ts imports cli/y.ts, which is not there'],
    ['a file is short', { 'cli/x.ts': '\n'.repeat(501) }, 'cli/x.ts has 501 lines: split it, 500 is the most'],
    [
      'a rather long file says why',
      { 'cli/x.ts': '\n'.repeat(450) },
      'cli/x.ts has 450 lines: split it, or say in its first comment why it is so long',
    ],
  ])('%s', (_, files, message) => {
    expect(broken(files)).toBe(message);
  });

  it('and what is allowed passes', () => {
    const files = {
      ...model,
      'proto/encode.ts': "import protobuf from 'protobufjs';\n",
      'xds/diff.ts': "import { createHash } from 'node:crypto';\nimport { encode } from '../proto/encode.ts';\n",
      'xds/diff.test.ts': "import { it } from 'vitest';\nimport { until } from '../test/support/until.ts';\n",
      'control-plane/manager/decide.ts': "import { maxLsn } from '../model/lsn.ts';\n",
      'agent/plan.ts': "import type { Lsn } from '../control-plane/model/lsn.ts';\n",
      'cli/long.ts': `/** All of it in one file: a table that is read from top to bottom. */\n${'\n'.repeat(450)}`,
    };
    expect(broken(files)).toBe('');
  });
});
