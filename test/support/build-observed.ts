// Builders of what an agent observes, for tests of the pure parts.
import {
  NO_OVERRIDE,
  type Observed,
  type Override,
  type PrimaryView,
  type StandbyView,
  type StoppedView,
} from '../../agent/observe/observed.ts';
import { NOBODY, primaryConninfo } from '../../agent/plan.ts';
import { formatSync, NO_SYNC } from '../../control-plane/model/sync.ts';

export const FENCED: Override = { ...NO_OVERRIDE, synchronousStandbyNames: NOBODY };
/** In epoch 5. */
export const FOLLOWING: Override = {
  ...NO_OVERRIDE,
  primaryConninfo: primaryConninfo({ instance: 'orders-1', replicationPort: 7005 }),
  primarySlotName: 'orders_1_e5',
  synchronousStandbyNames: NOBODY,
};

/** orders-1 on timeline 1. */
export function buildObserved(change: Partial<Observed> = {}): Observed {
  return {
    instance: 'orders-1',
    replicationPort: 7005,
    systemId: '7400000000000000000',
    timeline: 1,
    history: [],
    server: buildStandby(),
    leaseHeld: true,
    ...change,
  };
}

/** A standby that streams. */
export function buildStandby(change: Partial<StandbyView> = {}): StandbyView {
  return {
    kind: 'standby',
    receiveLsn: 1000n,
    replayLsn: 1000n,
    walReceiver: 'streaming',
    promoting: false,
    drained: true,
    override: FOLLOWING,
    written: change.override ?? FOLLOWING,
    slots: [],
    walMissing: false,
    ...change,
  };
}

/** A standby that was stopped cleanly. */
export function buildStopped(change: Partial<StoppedView> = {}): StoppedView {
  return {
    kind: 'stopped',
    how: 'boot',
    crashedUnderGoal: false,
    clean: true,
    checkpointLsn: 900n,
    minRecoveryLsn: 1000n,
    ranAs: 'standby',
    standbySignal: true,
    ...change,
  };
}

/** A primary that waits for nobody. */
export function buildPrimary(change: Partial<PrimaryView> = {}): PrimaryView {
  const override: Override = { ...NO_OVERRIDE, synchronousStandbyNames: formatSync(change.sync ?? NO_SYNC) };
  return {
    kind: 'primary',
    flushLsn: 1000n,
    endOfRecoveryLsn: 800n,
    sync: { voters: [], k: 0 },
    standbys: [],
    checkpointTimeline: 1,
    activeTransactions: 0,
    override,
    written: change.override ?? override,
    slots: [],
    replies: {},
    checkpointing: false,
    ...change,
  };
}
