/** `npm run simulate -- --seeds N [--from S]`: many seeds; prints each failing one with its trace. */
import { parseArgs } from 'node:util';
import { simulate } from './simulate.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    /** Stop after this many failures. */
    failures: { type: 'string', default: '3' },
  },
});
const from = Number(values.from);
const seeds = Number(values.seeds);
const faults: Record<string, number> = {};
let failovers = 0;
let failed = 0;
const startedAt = performance.now();
for (let seed = from; seed < from + seeds && failed < Number(values.failures); seed++) {
  const result = await simulate(seed);
  failovers += result.failovers;
  for (const [name, count] of Object.entries(result.faults)) faults[name] = (faults[name] ?? 0) + count;
  if (!result.violation) continue;
  failed++;
  console.log(result.trace.join('\n'));
  console.log(`seed ${seed}: ${result.violation} (trace ${result.traceHash})\n`);
}
const seconds = (performance.now() - startedAt) / 1000;
for (const [name, count] of Object.entries(faults)) console.log(`${String(count).padStart(8)} ${name}`);
console.log(
  `${seeds} seeds, ${failovers} changes of primary, ${(failovers / seconds).toFixed(0)} a second, ${failed} failed`,
);
process.exitCode = failed > 0 ? 1 : 0;
