/** One server under one load: the figures of one run. */
import { setTimeout as delay } from 'node:timers/promises';
import { type ChangeOrder, Program, type Usage } from './control.ts';

export type Mode = 'sotw' | 'delta';

export interface Load {
  readonly proxies: number;
  readonly mode: Mode;
  /** How many changes of three proxies each. */
  readonly changes: number;
  readonly streamsPerConnection: number;
}

/** Times in ms, memory in MB. */
export interface Figures {
  /** From the first connection until all proxies have all that they are to have. */
  readonly firstConfigMs: number;
  /** Bytes of resources that a proxy got for it. */
  readonly bytesPerProxy: number;
  /** The slowest of the changes before those that are measured. */
  readonly earlyChangeMs: number;
  /** From the start of publishing until the last of three proxies got it. */
  readonly changeP50Ms: number;
  readonly changeP99Ms: number;
  /** The same for all proxies. */
  readonly changeAllMs: number;
  /** Resident at the end, with all proxies connected. */
  readonly memoryMb: number;
  readonly peakMb: number;
  /** Of the server: until the first configuration, for the small changes, for the change for all. */
  readonly cpuFirstMs: number;
  readonly cpuChangesMs: number;
  readonly cpuAllMs: number;
}

const PROXIES_OF_A_CHANGE = 3;
/** Changes for all of which the median is taken. */
const CHANGES_FOR_ALL = 3;
const PAUSE_MS = 5;
/** Of a server that just started, before those that are measured. */
export const EARLY_CHANGES = 20;

/** @param serverCommand prints the event `ready` with its port */
export async function measure(
  name: string,
  serverCommand: readonly string[],
  loadCommand: readonly string[],
  load: Load,
): Promise<Figures> {
  const { proxies, mode, changes, streamsPerConnection } = load;
  await using server = new Program(name, serverCommand);
  const { port } = await server.next('ready');
  await using client = new Program('load', [
    ...loadCommand,
    ...['-address', `127.0.0.1:${port}`, '-proxies', `${proxies}`],
    ...['-mode', mode, '-streams', `${streamsPerConnection}`],
  ]);
  const idle = server.usage();
  client.tell({ connect: true });
  const start = await client.next('connecting');
  const configured = await client.next('configured');
  const afterFirst = await quiet(server);
  let markers = 0;
  const change = async (chosen: readonly number[]): Promise<number> => {
    const order: ChangeOrder = { marker: `marker-${String(++markers).padStart(6, '0')}`, proxies: chosen };
    client.tell({ expect: order });
    await client.next('expecting');
    server.tell({ change: order });
    const published = await server.next('published');
    const received = await client.next('received');
    return (received.ns - published.ns) / 1e6;
  };
  // The first changes of a process are slower in every language: told apart.
  const early: number[] = [];
  for (let index = 0; index < Math.min(EARLY_CHANGES, changes); index++) {
    early.push(await change(threeOf(index, proxies)));
  }
  const beforeChanges = await quiet(server);
  const latencies: number[] = [];
  for (let index = 0; index < changes; index++) {
    latencies.push(await change(threeOf(index, proxies)));
    await delay(PAUSE_MS);
  }
  const afterChanges = await quiet(server);
  const forAll: number[] = [];
  for (let index = 0; index < CHANGES_FOR_ALL; index++) {
    forAll.push(await change([]));
    await quiet(server);
  }
  const end = server.usage();
  return {
    firstConfigMs: (configured.ns - start.ns) / 1e6,
    bytesPerProxy: (configured.bytes ?? 0) / proxies,
    earlyChangeMs: Math.max(...early),
    changeP50Ms: quantile(latencies, 0.5),
    changeP99Ms: quantile(latencies, 0.99),
    changeAllMs: quantile(forAll, 0.5),
    memoryMb: end.rssMb,
    peakMb: end.peakMb,
    cpuFirstMs: afterFirst.cpuMs - idle.cpuMs,
    cpuChangesMs: afterChanges.cpuMs - beforeChanges.cpuMs,
    cpuAllMs: (end.cpuMs - afterChanges.cpuMs) / CHANGES_FOR_ALL,
  };
}

/** Far apart, so that they are on different connections. */
function threeOf(index: number, proxies: number): number[] {
  const step = Math.floor(proxies / PROXIES_OF_A_CHANGE);
  return Array.from({ length: PROXIES_OF_A_CHANGE }, (_, part) => (index * 37 + part * step) % proxies);
}

/** Waits until the server has nothing left to do, acknowledgements included; 10 s at most. */
async function quiet(server: Program): Promise<Usage> {
  const INTERVAL_MS = 250;
  let before = server.usage();
  for (let waitedMs = 0; waitedMs < 10_000; waitedMs += INTERVAL_MS) {
    await delay(INTERVAL_MS);
    const now = server.usage();
    if (now.cpuMs - before.cpuMs <= INTERVAL_MS * 0.04) return now;
    before = now;
  }
  return before;
}

export function quantile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * fraction) - 1)] ?? Number.NaN;
}
