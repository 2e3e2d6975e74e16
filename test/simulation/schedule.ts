/**
 * Which faults a run has, from its seed. Most runs are a chain of failovers, each with a quiet moment before it, and few
 * kinds of other faults among them, which so come together with each other more often; some are a storm of everything.
 */
import type { ClusterSpec } from '../../control-plane/model/cluster-spec.ts';
import { FAULT_KINDS, type Fault, type FaultKind } from './faults.ts';
import type { Random } from './kernel.ts';

/** What makes the cluster change its primary, and how often it is taken in a chain. */
const CHANGES: readonly FaultKind[] = [
  ...Array<FaultKind>(6).fill('postmaster of the primary killed'),
  ...Array<FaultKind>(2).fill('instance of the primary killed'),
  'power of the primary lost',
  ...Array<FaultKind>(5).fill('switchover'),
];

/** Kinds that do harm together where one of the rules is broken; by chance they meet too seldom. */
interface Aim {
  readonly kinds: readonly FaultKind[];
  /** Where they can do harm. */
  readonly where: (cluster: Cluster) => boolean;
  /** Of a run's faults. Default: half. */
  readonly share?: number;
}

type Cluster = Pick<ClusterSpec, 'instances' | 'durability' | 'failover'>;

/** Nothing but the lease keeps an old primary from going on. */
const leased = ({ durability }: Cluster) => durability.mode === 'async';
const voting = (cluster: Cluster) => !leased(cluster);
/** A lease ends within the time of some messages. */
const short = (cluster: Cluster) => voting(cluster) && cluster.failover.leaseMs === 1000;
/** k can be changed, and there are voters of whom k is a part. */
const large = (cluster: Cluster) => voting(cluster) && cluster.instances > 3;

const TOGETHER: readonly Aim[] = [
  // The lease: a primary that can't hear of its successor.
  { where: leased, kinds: ['primary isolated', 'primary isolated one way', 'wall clock stepped', 'network slow'] },
  {
    where: leased,
    kinds: ['failover by hand', 'wall clock stepped', 'primary cut from the control plane', 'disk slow'],
  },
  { where: leased, kinds: ['failover by hand', 'control plane far away', 'primary isolated'] },
  { where: leased, kinds: ['failover by hand', 'disk slow', 'network slow', 'agent frozen'] },
  // What was promised or flushed, and what of it is on disk.
  { where: voting, kinds: ['disk slow', 'power of any lost', 'power of all lost', 'instance of the primary killed'] },
  // Voters that change while others are behind.
  { where: voting, kinds: ['disk slow', 'standby copied anew', 'quorum changed', 'instance of the primary killed'] },
  // Commits that wait, and a primary that is lost while they do.
  {
    where: voting,
    kinds: ['primary cut from its standbys', 'waiting commits cancelled', 'instance of the primary killed'],
  },
  // A primary that goes on while another one is made, and proxies that lead to whom they heard of before.
  {
    where: voting,
    kinds: ['failover by hand', 'network slow', 'primary cut from the control plane', 'two instances cut'],
  },
  { where: voting, kinds: ['failover by hand', 'proxies slow', 'control plane far away', 'agent frozen'] },
  // Word of the control plane that comes about when the lease ends.
  {
    where: short,
    kinds: ['control plane far away', 'network slow', 'primary cut from its standbys', 'restart of one'],
    share: 0.8,
  },
  {
    where: short,
    kinds: ['control plane far away', 'proxies slow', 'restart of one', 'replication flaps'],
    share: 0.8,
  },
  // Voters that change while not all of PostgreSQL knows.
  { where: voting, kinds: ['settings read late', 'any instance killed', 'two instances cut', 'standby copied anew'] },
  { where: large, kinds: ['settings read late', 'quorum changed'], share: 0.8 },
  { where: large, kinds: ['settings read late', 'settings read late', 'quorum changed'], share: 0.8 },
  {
    where: large,
    kinds: ['settings read late', 'quorum changed', 'primary cut from its standbys', 'power of any lost'],
  },
  { where: large, kinds: ['settings read late', 'quorum changed', 'replication flaps', 'any instance killed'] },
  { where: large, kinds: ['settings read late', 'standby copied anew', 'replication flaps', 'any instance killed'] },
];

/** The others, which would come too seldom if all were alike; so would those that are aimed with in few clusters only. */
const SELDOM: readonly FaultKind[] = FAULT_KINDS.filter(
  (kind) =>
    !CHANGES.includes(kind) &&
    TOGETHER.filter(({ where, kinds }) => where !== leased && where !== short && kinds.includes(kind)).length < 2,
);

export function scheduleOf(random: Random, cluster: Cluster): Fault[] {
  return random.chance(0.12) ? storm(random) : chain(random, cluster);
}

function chain(random: Random, cluster: Cluster): Fault[] {
  const length = Math.round(random.between(30, 80));
  const isAimed = random.chance(0.25);
  const aim = isAimed ? random.pick(TOGETHER.filter(({ where }) => where(cluster))) : null;
  const few = aim?.kinds ?? Array.from({ length: 3 }, () => random.pick(random.chance(0.7) ? SELDOM : FAULT_KINDS));
  const share = aim ? (aim.share ?? 0.5) : random.pick([0.1, 0.1, 0.1, 0.35]);
  return Array.from({ length }, () => {
    const isOther = random.chance(share);
    const calm = random.chance(isOther ? 0.5 : 0.85);
    return {
      kind: random.pick(isOther ? few : CHANGES),
      calm,
      gapMs: random.chance(0.8) ? random.between(1, 80) : random.between(80, 600),
      seed: Math.floor(random.next() * 2 ** 32),
    };
  });
}

function storm(random: Random): Fault[] {
  return Array.from({ length: 10 }, () => ({
    kind: random.pick(FAULT_KINDS),
    calm: false,
    gapMs: random.chance(0.3) ? random.between(1, 60) : random.between(60, 2500),
    seed: Math.floor(random.next() * 2 ** 32),
  }));
}
