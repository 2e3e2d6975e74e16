/** Networks that are cut, in both directions or in one, between some or all. */
import type { Fault } from '../fault.ts';
import { CONTROL_PLANE } from '../lab/lab.ts';
import { missingShaper, type Traits } from '../lab/shaper.ts';

/** Longer than a lease (5 s) and than a standby keeps its vote (3 s). */
const LONG_MS = 12_000;

export const NETWORK_FAULTS: readonly Fault[] = [
  {
    name: 'primary-isolated',
    says: 'the primary is cut from everybody for 12 s: failover',
    failovers: [1, 1],
    writesOutMostMs: 4_000,
    async strike({ lab, primary, failedOver, hold }) {
      lab.network.isolate(primary.name);
      await failedOver();
      await hold(LONG_MS);
    },
  },
  {
    name: 'primary-left-with-clients',
    says: 'the primary is cut from the control plane and from the standbys, not from the gateway: failover, no stale read',
    failovers: [1, 1],
    writesOutMostMs: 4_000,
    async strike({ lab, primary, failedOver, hold }) {
      lab.network.isolate(primary.name, ['host']);
      await failedOver();
      await hold(LONG_MS);
    },
  },
  {
    name: 'primary-cut-from-control-plane',
    says: 'the primary and the control plane do not hear each other for 12 s: no failover, its voters renew the lease',
    failovers: [0, 0],
    writesOutMostMs: 1_000,
    async strike({ lab, primary, hold }) {
      lab.network.cut(primary.name, CONTROL_PLANE);
      await hold(LONG_MS);
    },
  },
  {
    name: 'primary-cut-from-standbys',
    says: 'the primary and its standbys do not hear each other for 12 s: commits wait, nothing is decided',
    failovers: [0, 0],
    async strike({ lab, primary, standbys, probe, hold, expect }) {
      for (const standby of standbys) lab.network.cut(primary.name, standby);
      await hold(2_000);
      const acknowledged = probe.writes.total;
      await hold(LONG_MS - 2_000);
      expect(probe.writes.total === acknowledged, 'writes were acknowledged that no standby can have');
    },
  },
  {
    name: 'primary-speaks-to-nobody',
    says: 'one way: nothing that the primary sends arrives, for 12 s: failover',
    failovers: [1, 1],
    writesOutMostMs: 5_000,
    async strike({ lab, primary, failedOver, hold }) {
      for (const { name } of lab.network.nodes) if (name !== primary.name) lab.network.cutOneWay(primary.name, name);
      await failedOver();
      await hold(LONG_MS);
    },
  },
  {
    name: 'primary-hears-nobody',
    says: 'one way: nothing that is sent to the primary arrives, for 12 s: failover',
    failovers: [1, 1],
    writesOutMostMs: 8_000,
    async strike({ lab, primary, failedOver, hold }) {
      for (const { name } of lab.network.nodes) if (name !== primary.name) lab.network.cutOneWay(name, primary.name);
      await failedOver();
      await hold(LONG_MS);
    },
  },
  {
    name: 'standby-sees-both-sides',
    says: 'the primary reaches one standby only, which the control plane reaches too: no failover',
    failovers: [0, 0],
    writesOutMostMs: 2_000,
    async strike({ lab, primary, standbys, hold }) {
      lab.network.cut(primary.name, CONTROL_PLANE);
      lab.network.cut(primary.name, standbys[1]!);
      await hold(LONG_MS);
    },
  },
  {
    name: 'standby-isolated',
    says: 'a standby is cut from everybody for 12 s: no failover; it no longer votes, and comes back',
    failovers: [0, 0],
    writesOutMostMs: 2_000,
    async strike({ lab, standbys, hold }) {
      lab.network.isolate(standbys[0]!);
      await hold(LONG_MS);
    },
  },
  {
    name: 'control-plane-isolated',
    says: 'the control plane is cut from everybody for 12 s: nothing is noticed',
    failovers: [0, 0],
    writesOutMostMs: 500,
    async strike({ lab, hold, probe }) {
      lab.network.isolate(CONTROL_PLANE, ['host']);
      lab.network.cutOneWay(CONTROL_PLANE, 'host');
      await hold(LONG_MS);
      await lab.heal();
      await probe.load(200);
    },
  },
  {
    name: 'control-plane-and-a-standby-isolated',
    says: 'the control plane and one standby are cut from the rest: too few promises, no failover',
    failovers: [0, 0],
    writesOutMostMs: 2_000,
    async strike({ lab, primary, standbys, hold }) {
      const [near, far] = standbys;
      for (const inside of [CONTROL_PLANE, near!])
        for (const outside of [primary.name, far!]) lab.network.cut(inside, outside);
      await hold(LONG_MS);
    },
  },
  {
    name: 'flapping',
    lab: { spec: 'instances: 3' },
    says: 'the primary is cut off for 3 s and back for 3 s, ten times: one failover, not one each time',
    failovers: [1, 1],
    writesOutMostMs: 4_000,
    async strike({ lab, primary, hold }) {
      for (let time = 1; time <= 10; time++) {
        lab.network.isolate(primary.name);
        await hold(3_000);
        await lab.heal();
        await hold(3_000);
      }
    },
  },
  badLine('loss', 'a fifth of all frames from and to the primary is lost', { loss: 0.2 }),
  badLine('jitter', 'each frame from and to the primary takes 100 ms, plus or minus 50', {
    delayMs: 100,
    jitterMs: 50,
  }),
  badLine(
    'bad-line',
    'a fifth of all frames from and to the primary is lost, the rest takes 100 ms, plus or minus 50',
    {
      ...{ loss: 0.2, delayMs: 100, jitterMs: 50 },
      holdMs: 60_000,
    },
  ),
  {
    name: 'death-behind-a-bad-line',
    says: 'over that line for 5 s, and then the primary dies with all its processes: it is given up all the same',
    failovers: [1, 2],
    writesOutMostMs: 20_000,
    missing: missingShaper,
    async strike({ lab, primary, failedOver, hold, probe }) {
      await lab.network.shape(primary.name, { loss: 0.2, delayMs: 100, jitterMs: 50 });
      await hold(5_000);
      lab.group(primary.name).kill();
      await failedOver();
      await probe.load(200);
    },
  },
  badLine('bandwidth', 'the primary sends and gets 1 Mbit/s', { bitsPerSecond: 1_000_000 }),
];

function badLine(name: string, what: string, { holdMs = 30_000, ...traits }: Traits & { holdMs?: number }): Fault {
  return {
    name,
    says: `${what}, for ${holdMs / 1000} s: slow, no failover`,
    failovers: [0, 0],
    missing: missingShaper,
    async strike({ lab, primary, hold }) {
      await lab.network.shape(primary.name, traits);
      await hold(holdMs);
    },
  };
}
