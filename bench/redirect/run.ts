/**
 * How long from a decision of the control plane until every proxy has the route that follows from it, and until sessions
 * through a real one have ended.
 *   npm run bench:redirect -- [--runs 20] [--proxies 100] [--sessions 10] [--json FILE]
 * Each run is a failover of a real cluster, asked for by hand: the old primary lives, so it is the redirection that ends
 * its sessions. `moved`: from the new epoch, stored, until the last proxy has the listener that leads to it. `ended`: until
 * the last idle session through the Envoy of `howdah up` was closed. `opened`: from the open gate, stored, until the last
 * proxy has its endpoint. Proxies are raw streams of one process, so that the figures are the control plane's and not
 * those of 100 Envoys on the same processors; this process has the control plane's precedence, so that it sees what
 * arrives when it does. Times are wall clock, in whole ms.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { takePrecedence } from '../../control-plane/runtime/precedence.ts';
import { figuresOf } from '../../test/support/figures.ts';
import { LiveClusters } from '../../test/support/live-cluster.ts';
import { type Arrival, arrivalsAtAll, RawProxy } from '../../test/support/raw-proxy.ts';
import type { SessionsWanted } from './sessions.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    proxies: { type: 'string', default: '100' },
    sessions: { type: 'string', default: '10' },
    json: { type: 'string' },
  },
});
const CLUSTER = 'redirect';
const noPrecedence = takePrecedence();
if (noPrecedence) console.error(`runs like everybody else: ${noPrecedence}`);
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
  const took = { moved: [] as number[], ended: [] as number[], opened: [] as number[] };
  try {
    await everyone(proxies, cluster.epoch, 'opened');
    for (let run = 1; run <= runs; run++) {
      const { epoch } = cluster;
      // Half a second after a change of primary everything is there for the next.
      await everyone(proxies, epoch + 1, 'prepared');
      const sessions = await idle({ endpoint: cluster.endpoints.rw, count: Number(values.sessions) });
      await live.up.api().failover(CLUSTER, {});
      const moved = await everyone(proxies, epoch + 1, 'moved');
      const ended = await sessions.ended;
      cluster = await live.laterEpoch(CLUSTER, epoch);
      const opened = await everyone(proxies, cluster.epoch, 'opened');
      const decidedAt = decided(epoch + 1, 'fencing');
      took.moved.push(Math.max(...moved) - decidedAt);
      took.ended.push(ended - decidedAt);
      took.opened.push(Math.max(...opened) - decided(cluster.epoch, 'open'));
      const shown = Object.entries(took).map(([what, times]) => `${what} after ${times.at(-1)} ms`);
      console.log(`${String(run).padStart(3)}  epoch ${cluster.epoch}: ${shown.join(', ')}`);
      cluster = await live.whole(CLUSTER);
    }
  } finally {
    for (const proxy of proxies) proxy.close();
  }
  const figures = Object.fromEntries(Object.entries(took).map(([what, times]) => [`${what}Ms`, figuresOf(times)]));
  const result = { runs, proxies: count, ...figures };
  if (values.json) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
  console.log(JSON.stringify(result));
}

/** Opens sessions; what it gives is when the last of them ended. */
async function idle(wanted: SessionsWanted): Promise<{ readonly ended: Promise<number> }> {
  const worker = new Worker(join(import.meta.dirname, 'sessions.ts'), { workerData: wanted });
  await once(worker, 'message');
  return { ended: once(worker, 'message').then(([endedAt]) => endedAt) };
}

/** When each proxy got it. */
function everyone(proxies: readonly RawProxy[], epoch: number, what: Arrival['what']): Promise<number[]> {
  return arrivalsAtAll(proxies, epoch, what, { timeoutMs: 30_000 });
}

/** When the control plane had stored it, by its log. */
function decided(epoch: number, kind: 'fencing' | 'open'): number {
  const lines = readFileSync(join(live.up.stateDir, 'log/control-plane.log'), 'utf8').split('\n');
  const entries = lines.filter((line) => line.includes('"decided"')).map((line) => JSON.parse(line));
  const found = entries.find((line) => line.epoch === epoch && (line.phase === kind || line.decision === kind));
  if (!found) throw new Error(`the log tells of no ${kind} in epoch ${epoch}`);
  return found.time;
}
