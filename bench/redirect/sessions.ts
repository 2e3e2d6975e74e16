/**
 * Idle sessions, in a thread of their own: what the proxies' thread does at the same time would be counted as time that
 * they live on. Tells `open` when all are there, and then when the last one ended, in ms since 1970.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { takePrecedence } from '../../control-plane/runtime/precedence.ts';
import { connect } from '../../test/support/live-cluster.ts';

export interface SessionsWanted {
  readonly endpoint: string;
  readonly count: number;
}

const { endpoint, count }: SessionsWanted = workerData;
takePrecedence();
const clients = await Promise.all(Array.from({ length: count }, () => connect(endpoint)));
const ends = clients.map((client) => new Promise<number>((resolve) => client.once('end', () => resolve(Date.now()))));
parentPort?.postMessage('open');
parentPort?.postMessage(Math.max(...(await Promise.all(ends))));
