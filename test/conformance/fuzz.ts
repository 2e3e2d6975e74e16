/**
 * `npm run fuzz:xds -- [--requests N] [--seed S]`: N mutated requests to an xDS server in this process, in all variants.
 * Prints the rate and the memory; exit code 1 when the server crashed, hung or grew.
 */
import { parseArgs } from 'node:util';
import { VARIANTS } from './client.ts';
import { fuzz, type MemorySample } from './fuzzer.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    /** Only the variant of this name. */
    variant: { type: 'string' },
  },
});
const seed = Number(values.seed);
const variants = Object.values(VARIANTS).filter(({ name }) => !values.variant || name === values.variant);

process.on('uncaughtException', (error) => {
  console.error(`seed ${seed}: the server crashed`, error);
  process.exit(1);
});

const line = ({ progress, heapUsedMb, residentMb }: MemorySample) =>
  `${(100 * progress).toFixed(0).padStart(4)} %  heap ${heapUsedMb.toFixed(1)} MB, resident ${residentMb.toFixed(0)} MB`;

const report = await fuzz({
  requests: Number(values.requests),
  seed,
  variants,
  onProgress: (_, memory) => console.log(line(memory)),
});
const { requests, seconds, streams, statuses, unexpected, responses, memory } = report;
console.log(
  `${requests} requests on ${streams} streams in ${seconds.toFixed(1)} s: ${(requests / seconds).toFixed(0)} a second, ` +
    `${responses} responses; streams ended with ${JSON.stringify(statuses)}`,
);
for (const details of unexpected) console.log(`  ended with: ${details}`);
// The first part fills caches that are bounded.
const settled = memory.filter(({ progress }) => progress >= 0.4);
const grown = settled.at(-1)!.heapUsedMb - settled[0]!.heapUsedMb;
console.log(
  `${line(memory.at(-1)!)}: ${grown.toFixed(1)} MB more than at ${(100 * settled[0]!.progress).toFixed(0)} %`,
);
process.exitCode = grown > 5 || unexpected.length > 0 ? 1 : 0;
