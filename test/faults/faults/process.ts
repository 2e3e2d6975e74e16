/** Processes that die or hang. */
import type { Fault } from '../fault.ts';
import { CONTROL_PLANE, instanceOf } from '../lab/lab.ts';
import { amidFailover } from './amid-failover.ts';

export const PROCESS_FAULTS: readonly Fault[] = [
  {
    name: 'postmaster-killed',
    says: 'SIGKILL to the postmaster of the primary: failover',
    failovers: [1, 1],
    writesOutMostMs: 2_000,
    async strike({ primary, failedOver }) {
      process.kill(primary.pids.postgres, 'SIGKILL');
      await failedOver();
    },
  },
  {
    name: 'postmaster-killed-while-commits-wait',
    says: 'the voters are cut off, so commits wait, and the postmaster alone gets SIGKILL: nobody reads what is rolled back',
    failovers: [1, 1],
    missing: () =>
      'PostgreSQL stops waiting for standbys when its postmaster is gone, and until its other processes have ended too a read can see such a commit; seen once',
    async strike({ lab, primary, standbys, failedOver, hold }) {
      for (const standby of standbys) lab.network.cut(primary.name, standby);
      await hold(500);
      process.kill(primary.pids.postgres, 'SIGKILL');
      await hold(200);
      await lab.heal();
      await failedOver();
    },
  },
  {
    name: 'instance-killed',
    says: 'all processes of the primary end in one moment, as in a power cut: failover',
    failovers: [1, 1],
    writesOutMostMs: 3_000,
    async strike({ lab, primary, failedOver }) {
      lab.group(primary.name).kill();
      await failedOver();
    },
  },
  {
    name: 'primary-frozen',
    says: 'SIGSTOP to all processes of the primary, thawed 5 s later: failover, and no late acknowledgement',
    failovers: [1, 1],
    writesOutMostMs: 4_000,
    async strike({ lab, primary, failedOver, hold }) {
      const frozen = lab.group(primary.name).pids;
      for (const pid of frozen) process.kill(pid, 'SIGSTOP');
      try {
        await failedOver();
        await hold(5_000);
      } finally {
        for (const pid of frozen) process.kill(pid, 'SIGCONT');
      }
    },
  },
  {
    name: 'node-frozen',
    says: 'the control group of the primary is frozen for 30 s: failover, and no late acknowledgement',
    failovers: [1, 1],
    writesOutMostMs: 4_000,
    async strike({ lab, primary, failedOver, hold }) {
      await lab.group(primary.name).frozenWhile(async () => {
        await failedOver();
        await hold(30_000);
      });
    },
  },
  {
    name: 'agent-killed',
    says: 'SIGKILL to the agent of the primary; the kernel ends its PostgreSQL and Envoy with it: failover',
    failovers: [0, 1],
    writesOutMostMs: 2_000,
    async strike({ primary, probe }) {
      process.kill(primary.pids.agent, 'SIGKILL');
      await probe.load(200);
    },
  },
  {
    name: 'agent-killed-in-failover',
    says: 'the primary dies, and up to 300 ms later the agent of a standby does, with its PostgreSQL: its promise is kept, nothing is lost',
    failovers: [1, 3],
    writesOutMostMs: 10_000,
    async strike(scene) {
      const { standbys, before, failedOver, probe, note } = scene;
      const victim = standbys[Math.floor(Math.random() * standbys.length)]!;
      const { agent } = instanceOf(before, victim).pids;
      const afterMs = await amidFailover(scene, 300);
      process.kill(agent, 'SIGKILL');
      const { primary: next } = await failedOver();
      note(`the agent of ${victim === next ? 'the one that leads now' : 'another one'} was killed after ${afterMs} ms`);
      await probe.load(200);
    },
  },
  {
    name: 'standby-killed',
    says: 'all processes of a standby end: no failover',
    failovers: [0, 0],
    writesOutMostMs: 2_000,
    async strike({ lab, standbys, probe }) {
      lab.group(standbys[0]!).kill();
      await probe.load(200);
    },
  },
  {
    name: 'control-plane-killed',
    says: 'SIGKILL to the control plane, which its supervisor starts again: no failover, nothing is noticed',
    failovers: [0, 0],
    writesOutMostMs: 500,
    async strike({ lab, probe, hold }) {
      lab.group(CONTROL_PLANE).kill();
      await hold(3_000);
      await probe.load(200);
    },
  },
];
