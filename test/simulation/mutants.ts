/**
 * `npm run simulate:mutants [-- --jobs J] [--only TEXT] [--seeds N]`: plants each defect of mutant-list.ts in a copy of
 * the sources and runs seeds there until a promise of the protocol is broken. A defect that is not found within N seeds
 * (default 10,000), or whose patch no longer applies, is a failure. What the simulation has no model of is looked for by
 * a property test, whose runs count as seeds. SIGINT and SIGTERM end the search, and nothing is left.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { MUTANTS, type Mutant } from './mutant-list.ts';
import { simulate } from './simulate.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
/** All that a simulation imports. */
const SOURCES = ['package.json', 'proto', 'xds', 'envoy-config', 'control-plane', 'agent', 'test/simulation'];
/** What property tests import besides. */
const SUPPORT = ['grpc', 'test/support'];

export type Finding =
  | { readonly kind: 'found'; readonly seed: number; readonly violation: string }
  | { readonly kind: 'survived' };

/**
 * @param signal ends the search; what was found by then is lost.
 * @throws when a patch does not apply exactly once, or a run ends otherwise than by a violation.
 */
export async function findViolation(mutant: Mutant, seeds: number, signal?: AbortSignal): Promise<Finding> {
  const directory = mkdtempSync(path.join(tmpdir(), 'howdah-mutant-'));
  try {
    const sources = mutant.foundBy ? [...SOURCES, ...SUPPORT] : SOURCES;
    for (const source of sources) cpSync(path.join(ROOT, source), path.join(directory, source), { recursive: true });
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(directory, 'node_modules'));
    for (const [file, text] of patchedFiles(mutant)) writeFileSync(path.join(directory, file), text);
    if (mutant.foundBy) return await runProperty(directory, mutant.foundBy, signal);
    for (let from = 1; ; ) {
      const finding = await run(directory, from, seeds - from + 1, signal);
      if (finding.kind === 'survived' || !(await simulate(finding.seed)).violation) return finding;
      // A seed that fails without the defect shows nothing about it.
      from = finding.seed + 1;
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Texts with the defect, by path from the checkout's root. */
export function patchedFiles({ name, patches }: Mutant): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const patch of patches) {
    const text = texts.get(patch.file) ?? readFileSync(path.join(ROOT, patch.file), 'utf8');
    texts.set(patch.file, patched(text, patch, name));
  }
  return texts;
}

export function patched(text: string, { file, find, replace }: Mutant['patches'][number], name: string): string {
  const parts = text.split(find);
  if (parts.length !== 2) {
    throw new Error(`mutant "${name}": its text is ${parts.length - 1} times in ${file}, not once: ${find}`);
  }
  return parts.join(replace);
}

async function run(directory: string, from: number, seeds: number, signal: AbortSignal | undefined): Promise<Finding> {
  const script = path.join(directory, 'test', 'simulation', 'run.ts');
  const args = [script, '--from', String(from), '--seeds', String(seeds), '--failures', '1', '--whole'];
  const { code, output } = await outputOf(directory, args, signal);
  const found = /^seed (\d+): (.*) \(trace [0-9a-f]+\)$/m.exec(output);
  if (found) return { kind: 'found', seed: Number(found[1]), violation: found[2]! };
  if (code === 0) return { kind: 'survived' };
  throw new Error(`the run ended with ${code}: ${output.slice(-2000)}`);
}

/** As often as the test itself runs it. */
async function runProperty(directory: string, test: string, signal: AbortSignal | undefined): Promise<Finding> {
  const args = [path.join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--root', directory, test];
  const { code, output } = await outputOf(directory, args, signal);
  const found = /Property failed after (\d+) tests/.exec(output);
  const title = /FAIL .* > (.*)/.exec(output);
  if (found && title) return { kind: 'found', seed: Number(found[1]), violation: title[1]! };
  if (code === 0) return { kind: 'survived' };
  throw new Error(`the test ended with ${code}: ${output.slice(-2000)}`);
}

interface Output {
  readonly code: number | null;
  readonly output: string;
}

async function outputOf(cwd: string, args: readonly string[], signal: AbortSignal | undefined): Promise<Output> {
  const env = { ...process.env, NO_COLOR: '1' };
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], signal });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, output };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      jobs: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      seeds: { type: 'string', default: '10000' },
    },
  });
  const queue = MUTANTS.filter(({ name }) => name.includes(values.only));
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort());
  const width = Math.max(...MUTANTS.map(({ name }) => name.length));
  console.log(`${'planted defect'.padEnd(width)}   seeds  promise that is broken`);
  const worker = async () => {
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const search = findViolation(mutant, Number(values.seeds), stopped.signal);
      const finding = await search.catch((error: unknown) => String(error));
      if (stopped.signal.aborted) break;
      const isFound = typeof finding !== 'string' && finding.kind === 'found';
      if (!isFound) process.exitCode = 1;
      const seeds = isFound ? String(finding.seed) : '-';
      const what = typeof finding === 'string' ? finding : isFound ? finding.violation : `NOT FOUND in ${values.seeds}`;
      console.log(`${mutant.name.padEnd(width)} ${seeds.padStart(7)}  ${what}`);
    }
  };
  await Promise.all(Array.from({ length: Number(values.jobs) }, worker));
  if (stopped.signal.aborted) process.exitCode = 130;
}

if (process.argv[1] === import.meta.filename) await main();
