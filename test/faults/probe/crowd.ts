/**
 * Many proxies at once, in a thread of their own: they connect, and those that lose their connection do so again. Tells
 * how long, in ms, it took until each of them knew where writes go, and ends.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../../control-plane/runtime/clock.ts';
import { arrivalsAtAll, RawProxy } from '../../support/raw-proxy.ts';

export interface CrowdWanted {
  /** HOST:PORT of a control plane's discovery service. */
  readonly xds: string;
  readonly cluster: string;
  readonly epoch: number;
  readonly count: number;
  readonly limitMs: number;
}

/** One that is gone comes back after up to this long, ms, as Envoy's first attempts do. */
const BACK_MS = 500;

const { xds, cluster, epoch, count, limitMs }: CrowdWanted = workerData;
const proxies: RawProxy[] = [];
let over = false;

function connect(index: number): void {
  proxies[index] = new RawProxy(xds, `gateway/crowd-${index + 1}`, cluster, () => {
    if (!over) setTimeout(() => over || connect(index), Math.random() * BACK_MS);
  });
}

const since = systemClock.now();
for (let index = 0; index < count; index++) connect(index);
try {
  await arrivalsAtAll(proxies, epoch, 'opened', { timeoutMs: limitMs, intervalMs: 100 });
  parentPort?.postMessage(systemClock.now() - since);
} finally {
  over = true;
  for (const proxy of proxies) proxy.close();
}
