/**
 * Which faults a run has, from its seed. Most runs are a chain of failovers, each with a quiet moment before it, and few
 * kinds of other faults among them, which so come together with each other more often; some are a storm of everything.
 */
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
const TOGETHER: readonly (readonly FaultKind[])[] = [
  // The lease: a primary that can't hear of its successor.
  ['primary isolated', 'primary isolated one way', 'wall clock stepped', 'network slow'],
  ['primary isolated', 'wall clock stepped', 'failover by hand', 'primary cut from the control plane'],
  // What was promised or flushed, and what of it is on disk.
  ['disk slow', 'power of any lost', 'power of all lost', 'instance of the primary killed'],
  // Voters that change while others are behind.
  ['disk slow', 'standby copied anew', 'quorum changed', 'instance of the primary killed'],
  // Commits that wait, and a primary that is lost while they do.
  ['primary cut from its standbys', 'waiting commits cancelled', 'instance of the primary killed'],
  // A primary that goes on while another one is made.
  ['failover by hand', 'network slow', 'primary cut from the control plane', 'two instances cut'],
  ['failover by hand', 'disk slow', 'network slow', 'agent frozen'],
  // Voters that change while not all of PostgreSQL knows.
  ['settings read late', 'any instance killed', 'two instances cut', 'standby copied anew'],
  ['settings read late', 'quorum changed', 'primary cut from its standbys', 'power of any lost'],
];

/** The others, which would come too seldom if all were alike. */
const SELDOM: readonly FaultKind[] = FAULT_KINDS.filter(
  (kind) => !CHANGES.includes(kind) && TOGETHER.filter((kinds) => kinds.includes(kind)).length < 2,
);

export function scheduleOf(random: Random): Fault[] {
  return random.chance(0.12) ? storm(random) : chain(random);
}

function chain(random: Random): Fault[] {
  const length = Math.round(random.between(30, 80));
  const isAimed = random.chance(0.25);
  const few = isAimed
    ? random.pick(TOGETHER)
    : Array.from({ length: 3 }, () => random.pick(random.chance(0.6) ? SELDOM : FAULT_KINDS));
  const share = isAimed ? 0.5 : random.pick([0.1, 0.1, 0.1, 0.35]);
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
