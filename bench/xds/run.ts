/**
 * Howdah's discovery server beside go-control-plane's snapshot cache: the same resources, the same load, in turn.
 *   npm run bench:xds -- [--proxies 1000,4000,12000] [--mode sotw,delta] [--changes 200] [--repeat 1] [--json FILE]
 *                        [--only howdah|peer] [--cold] [--profile DIRECTORY]
 * Prints the medians of each figure and the ratio Howdah / peer. Needs a Go toolchain.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { HEAP_FLAGS } from '../../control-plane/runtime/heap-flags.ts';
import { EARLY_CHANGES, type Figures, type Load, type Mode, measure, quantile } from './measure.ts';
import { RESOURCES_FILE } from './resources.ts';

const { values } = parseArgs({
  options: {
    proxies: { type: 'string', default: '1000,4000,12000' },
    mode: { type: 'string', default: 'sotw,delta' },
    changes: { type: 'string', default: '200' },
    repeat: { type: 'string', default: '1' },
    streams: { type: 'string', default: '100' },
    only: { type: 'string' },
    json: { type: 'string' },
    profile: { type: 'string' },
    /** Without the rehearsal. */
    cold: { type: 'boolean', default: false },
  },
});

/** A run has at most this long; a computer on which that is too short gives no figures worth having. */
const LIMIT_MS = 60 * 60_000;
setTimeout(() => fail('the benchmark did not end in time'), LIMIT_MS).unref();

const FIGURES: readonly (readonly [keyof Figures, string])[] = [
  ['firstConfigMs', 'first config for all, ms'],
  ['earlyChangeMs', `slowest of the first ${EARLY_CHANGES}, ms`],
  ['changeP50Ms', 'change of 3 proxies p50, ms'],
  ['changeP99Ms', 'change of 3 proxies p99, ms'],
  ['changeAllMs', 'change for all, ms'],
  ['memoryMb', 'memory, MB'],
  ['peakMb', 'peak memory, MB'],
  ['cpuFirstMs', 'CPU of first config, ms'],
  ['cpuChangesMs', 'CPU of the small changes, ms'],
  ['cpuAllMs', 'CPU of a change for all, ms'],
  ['bytesPerProxy', 'bytes a proxy'],
];

const binaries = build();
/** As control planes are started; with gc() the server gives back what its resources took before anybody connects. */
const SETTINGS = [...HEAP_FLAGS, '--expose-gc'];
const nodeOptions = values.profile ? ['--cpu-prof', '--cpu-prof-dir', values.profile] : [];
const servers = {
  howdah: (proxies: number) => {
    const script = join(import.meta.dirname, 'server.ts');
    return [
      process.execPath,
      ...SETTINGS,
      ...nodeOptions,
      script,
      '--proxies',
      `${proxies}`,
      ...(values.cold ? ['--cold'] : []),
    ];
  },
  peer: (proxies: number) => [join(binaries, 'peer'), '-proxies', `${proxies}`, '-resources', RESOURCES_FILE],
};
type ServerName = keyof typeof servers;
const names = (['peer', 'howdah'] as const).filter((name) => values.only === undefined || values.only === name);
if (names.length === 0) fail(`--only ${values.only}: choose howdah or peer`);

const results: { load: Load; runs: Record<ServerName, Figures[]> }[] = [];
for (const mode of modes()) {
  for (const proxies of values.proxies.split(',').map(Number)) {
    const load: Load = {
      proxies,
      mode,
      changes: Number(values.changes),
      streamsPerConnection: Number(values.streams),
    };
    const runs: Record<ServerName, Figures[]> = { peer: [], howdah: [] };
    for (let repeat = 0; repeat < Number(values.repeat); repeat++) {
      for (const name of names) {
        runs[name].push(await measure(name, servers[name](proxies), [join(binaries, 'load')], load));
      }
    }
    results.push({ load, runs });
    print(load, runs);
  }
}
if (values.json) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
process.exit(0);

function print(load: Load, runs: Record<ServerName, Figures[]>): void {
  console.log(`\n${load.proxies} proxies, ${load.mode}, medians of ${values.repeat}`);
  console.log(`${''.padEnd(30)}${'howdah'.padStart(10)}${'peer'.padStart(10)}${'ratio'.padStart(8)}`);
  for (const [figure, title] of FIGURES) {
    const [howdah, peer] = [median(runs.howdah, figure), median(runs.peer, figure)];
    const ratio = (howdah / peer).toFixed(2);
    console.log(`${title.padEnd(30)}${round(howdah).padStart(10)}${round(peer).padStart(10)}${ratio.padStart(8)}`);
  }
}

function median(runs: readonly Figures[], figure: keyof Figures): number {
  return quantile(
    runs.map((run) => run[figure]),
    0.5,
  );
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}

function modes(): Mode[] {
  return values.mode.split(',').map((mode) => {
    if (mode === 'sotw' || mode === 'delta') return mode;
    return fail(`--mode ${mode}: choose sotw, delta or both with a comma`);
  });
}

/** Builds the Go programs into the user's cache; quick when nothing changed. */
function build(): string {
  const cache = process.env.XDG_CACHE_HOME?.startsWith('/') ? process.env.XDG_CACHE_HOME : join(homedir(), '.cache');
  const directory = join(cache, 'howdah', 'bench-xds');
  mkdirSync(directory, { recursive: true });
  execFileSync('go', ['build', '-o', `${directory}/`, './load', './peer'], {
    cwd: import.meta.dirname,
    stdio: 'inherit',
    timeout: 15 * 60_000,
  });
  return directory;
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
