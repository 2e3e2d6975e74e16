/** The control plane, the proxies and the network's quiet parts fail at a bad moment. */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../../../control-plane/runtime/clock.ts';
import { keptConfig } from '../../support/kept-config.ts';
import { descendants } from '../../support/processes.ts';
import type { Fault, Scene } from '../fault.ts';
import { CONTROL_PLANE, GATEWAY } from '../lab/lab.ts';
import type { CrowdWanted } from '../probe/crowd.ts';
import { amidFailover } from './amid-failover.ts';

export const CONTROL_PLANE_FAULTS: readonly Fault[] = [
  {
    name: 'control-plane-frozen',
    says: 'the control plane is frozen for 10 s: nothing is noticed',
    failovers: [0, 0],
    writesOutMostMs: 500,
    async strike({ lab, hold, probe }) {
      await lab.group(CONTROL_PLANE).frozenWhile(() => hold(10_000));
      await probe.load(200);
    },
  },
  {
    name: 'control-plane-killed-in-failover',
    says: 'the primary dies, and up to 250 ms later the control plane does: the next one goes on, or the primary comes back in its place',
    failovers: [0, 2],
    writesOutMostMs: 20_000,
    async strike(scene) {
      const { lab, probe, note } = scene;
      const afterMs = await amidFailover(scene);
      lab.group(CONTROL_PLANE).kill();
      const since = systemClock.now();
      await probe.load(200);
      note(`killed after ${afterMs} ms, 200 writes more after another ${Math.round(systemClock.now() - since)} ms`);
    },
  },
  {
    name: 'primary-and-control-plane-killed',
    says: 'the primary with all its processes and the control plane die in one moment: one primary',
    failovers: [0, 1],
    writesOutMostMs: 20_000,
    async strike({ lab, primary, probe }) {
      lab.group(primary.name).kill();
      lab.group(CONTROL_PLANE).kill();
      await probe.load(200);
    },
  },
  {
    name: 'agent-and-control-plane-killed',
    says: 'the agent of the primary and the control plane die together: one primary',
    failovers: [0, 1],
    writesOutMostMs: 20_000,
    async strike({ lab, primary, probe }) {
      process.kill(primary.pids.agent, 'SIGKILL');
      lab.group(CONTROL_PLANE).kill();
      await probe.load(200);
    },
  },
  {
    name: 'envoy-of-primary-killed',
    says: 'SIGKILL to the Envoy of the primary: back within 3 s, no failover',
    failovers: [0, 0],
    writesOutMostMs: 3_000,
    async strike({ primary, probe }) {
      process.kill(primary.pids.envoy, 'SIGKILL');
      await probe.load(200);
    },
  },
  {
    name: 'envoy-of-gateway-killed',
    says: "SIGKILL to the gateway's Envoy: back within 3 s",
    failovers: [0, 0],
    writesOutMostMs: 3_000,
    async strike(scene) {
      killGatewayEnvoy(scene);
      await scene.probe.load(200);
    },
  },
  {
    name: 'envoy-restarted-without-control-plane',
    says: "the gateway's Envoy dies while the control plane hangs: it serves what it had, within 3 s",
    failovers: [0, 0],
    writesOutMostMs: 3_000,
    async strike(scene) {
      const { lab, probe, hold, before } = scene;
      // What changed is kept a second or two later.
      await keptConfig(lab.gatewayDirectory, `e${before.epoch}.rw.${before.name}`);
      await lab.group(CONTROL_PLANE).frozenWhile(async () => {
        killGatewayEnvoy(scene);
        await hold(6_000);
      });
      await probe.load(200);
    },
  },
  {
    name: 'ten-thousand-proxies',
    says: 'ten thousand proxies connect at once, vanish, and connect again: each time all know where writes go within 60 s; no failover, and clients go on',
    failovers: [0, 0],
    async strike({ lab, before, note }) {
      // All of them are behind one address, and a port that was used rests for a minute. This network is the lab's own.
      writeFileSync('/proc/sys/net/ipv4/tcp_tw_reuse', '1');
      writeFileSync('/proc/sys/net/ipv4/ip_local_port_range', '10000 65535');
      for (const time of ['first', 'second']) {
        const workerData: CrowdWanted = {
          ...{ xds: lab.xds, cluster: before.name, epoch: before.epoch },
          ...{ count: 10_000, limitMs: 60_000 },
        };
        const crowd = new Worker(join(import.meta.dirname, '../probe/crowd.ts'), { workerData });
        // What it throws is an event too, and once() throws it.
        const [tookMs] = await once(crowd, 'message');
        await once(crowd, 'exit');
        note(`${time} time: all know where writes go after ${Math.round(tookMs)} ms`);
      }
    },
  },
  {
    name: 'agent-frozen',
    says: 'SIGSTOP for 10 s to the agent of the primary alone, its PostgreSQL goes on: health checks cut the clients off, and no second primary acknowledges anything',
    failovers: [0, 1],
    async strike({ primary, hold }) {
      process.kill(primary.pids.agent, 'SIGSTOP');
      try {
        await hold(10_000);
      } finally {
        process.kill(primary.pids.agent, 'SIGCONT');
      }
    },
  },
];

function killGatewayEnvoy({ lab, expect }: Scene): void {
  const envoys = descendants(lab.pid(GATEWAY)).filter(({ command }) => command.includes('envoy'));
  expect(envoys.length === 1, `the gateway has ${envoys.length} Envoys`);
  for (const { pid } of envoys) process.kill(pid, 'SIGKILL');
}
