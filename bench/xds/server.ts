/** Howdah's server of the benchmark, a process of its own: node bench/xds/server.ts --proxies N [--cold] */
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '../../control-plane/runtime/clock.ts';
import {
  buildSnapshot,
  changeSnapshot,
  RpcServer,
  rehearse,
  SERVER_OPTIONS,
  SnapshotCache,
  XdsServer,
} from '../../xds/index.ts';
import type { ChangeOrder, Command } from './control.ts';
import { assignmentOf, resourcesOf } from './resources.ts';

const { values } = parseArgs({
  options: { proxies: { type: 'string', default: '1000' }, cold: { type: 'boolean', default: false } },
});
const proxies = Number(values.proxies);

const cache = new SnapshotCache();
for (let proxy = 0; proxy < proxies; proxy++) cache.set(`proxy-${proxy}`, buildSnapshot(resourcesOf(proxy)));

// What was needed to make the resources is not the server's memory: the peer gives it back too.
globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });

// A control plane does the same in the first seconds after its start, beside its work.
if (!values.cold) await rehearse({ clock: systemClock });

const grpc = new RpcServer({ ...SERVER_OPTIONS, clock: systemClock });
new XdsServer({ cache, clock: systemClock }).register(grpc);
tell({ event: 'ready', port: await grpc.listen({ host: '127.0.0.1', port: 0 }) });

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command: Command = JSON.parse(line);
    if (command.change) void publish(command.change);
  })
  // The harness is gone, or has what it wanted.
  .on('close', () => process.exit(0));

/** So many proxies at a time: what was sent to them leaves while the next ones are dealt with. */
const SLICE = 1024;

async function publish({ marker, proxies: chosen }: ChangeOrder): Promise<void> {
  const numbers = chosen.length > 0 ? chosen : Array.from({ length: proxies }, (_, proxy) => proxy);
  const start = process.hrtime.bigint();
  for (const [index, proxy] of numbers.entries()) {
    if (index > 0 && index % SLICE === 0) await setImmediate();
    const node = `proxy-${proxy}`;
    const before = cache.get(node);
    if (!before) throw new Error(`${node} has no snapshot`);
    cache.set(node, changeSnapshot(before, { endpoints: [assignmentOf(proxy, marker)] }));
  }
  // What was published goes first.
  await setImmediate();
  tell({ event: 'published', marker, ns: Number(start) });
}

function tell(event: object): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}
