/**
 * How long from a decision of the control plane until every proxy has the route that follows from it.
 *   npx node bench/redirect/run.ts [--runs 20] [--proxies 100] [--json FILE]
 * Each run is a switchover of a real cluster. `moved`: from the new epoch, stored, until the last proxy has the listener
 * that leads to it, on which Envoy ends the sessions of the old one within 2 to 4 ms. `opened`: from the open gate, stored,
 * until the last one has its endpoint. Proxies are raw streams of one process, so that the figures are the control
 * plane's and not those of 100 Envoys on the same processors. Times are wall clock, in whole ms.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LiveClusters } from '../../test/support/live-cluster.ts';
import { NotYet, until } from '../../test/support/until.ts';
import { type Arrival, RawProxy } from './proxy.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    proxies: { type: 'string', default: '100' },
    json: { type: 'string' },
  },
});
const CLUSTER = 'redirect';
// What was decided when is in the log.
const live = new LiveClusters({ [CLUSTER]: '{ instances: 3 }' }, 'info');
try {
  await live.up.ready();
  await measure(Number(values.runs), Number(values.proxies));
} finally {
  await live.end();
}

async function measure(runs: number, count: number): Promise<void> {
  let cluster = await live.whole(CLUSTER);
  const { xds } = live.up.controlPlane();
  const proxies = Array.from({ length: count }, (_, index) => new RawProxy(xds, `gateway/bench-${index + 1}`, CLUSTER));
  const took: Record<'moved' | 'opened', number[]> = { moved: [], opened: [] };
  try {
    await everyone(proxies, cluster.epoch, 'opened');
    for (let run = 1; run <= runs; run++) {
      const { epoch } = cluster;
      // Half a second after a change of primary everything is there for the next.
      await everyone(proxies, epoch + 1, 'prepared');
      await live.up.api().switchover(CLUSTER, {});
      cluster = await live.laterEpoch(CLUSTER, epoch);
      const shown: string[] = [];
      for (const [what, kind] of [
        ['moved', 'fencing'],
        ['opened', 'open'],
      ] as const) {
        const arrivals = await everyone(proxies, cluster.epoch, what);
        const lastMs = Math.max(...arrivals) - decidedAt(cluster.epoch, kind);
        took[what].push(lastMs);
        shown.push(`${what} after ${lastMs} ms`);
      }
      console.log(`${String(run).padStart(3)}  epoch ${cluster.epoch}: ${shown.join(', ')}`);
      cluster = await live.whole(CLUSTER);
    }
  } finally {
    for (const proxy of proxies) proxy.close();
  }
  const result = { runs, proxies: count, movedMs: summary(took.moved), openedMs: summary(took.opened) };
  if (values.json) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
  console.log(JSON.stringify(result));
}

/** When each proxy got it. */
async function everyone(proxies: readonly RawProxy[], epoch: number, what: Arrival['what']): Promise<number[]> {
  const arrivals = await until(
    () => {
      const found = proxies.flatMap((proxy) => proxy.has(epoch, what) ?? []);
      return found.length === proxies.length ? found : new NotYet(found.length);
    },
    { what: `all proxies to have ${what} in epoch ${epoch}`, timeoutMs: 30_000 },
  );
  return arrivals.map(({ at }) => at);
}

/** When the control plane had stored it, by its log. */
function decidedAt(epoch: number, kind: 'fencing' | 'open'): number {
  const lines = readFileSync(join(live.up.stateDir, 'log/control-plane.log'), 'utf8').split('\n');
  const entries = lines.filter((line) => line.includes('"decided"')).map((line) => JSON.parse(line));
  const found = entries.find((line) => line.epoch === epoch && (line.phase === kind || line.decision === kind));
  if (!found) throw new Error(`the log tells of no ${kind} in epoch ${epoch}`);
  return found.time;
}

function summary(times: readonly number[]) {
  const sorted = times.toSorted((left, right) => left - right);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return { median: at(0.5), p99: at(0.99), min: sorted[0]!, max: sorted.at(-1)! };
}
