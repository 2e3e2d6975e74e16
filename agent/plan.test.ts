import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FollowGoal, Goal, LeadGoal } from '../control-plane/model/goal.ts';
import type { StandbyConnection } from '../control-plane/model/instance.ts';
import {
  buildObserved,
  buildPrimary,
  buildStandby,
  buildStopped,
  FENCED,
  FOLLOWING,
} from '../test/support/build-observed.ts';
import type { Observed, ServerView, SlotView } from './observe/observed.ts';
import { needsNoLook, plan, reached, type StepKind } from './plan.ts';

const EPOCH = 5;
const SYNC = { voters: ['orders-2', 'orders-3'], k: 1 };
const LEADING = { ...FENCED, synchronousStandbyNames: 'ANY 1 ("orders-2", "orders-3")' };

const slot = (name: string) => ({ name, active: true, reserved: true, lost: false });
const SLOTS = [slot('orders_2_e5'), slot('orders_3_e5')];

const fence: Goal = { kind: 'fence', epoch: EPOCH };
const stop: Goal = { kind: 'stop', epoch: EPOCH };
const lead: LeadGoal = {
  kind: 'lead',
  epoch: EPOCH,
  sync: SYNC,
  create: false,
  start: true,
  members: ['orders-1', 'orders-2', 'orders-3'],
};
const follow: FollowGoal = {
  kind: 'follow',
  epoch: EPOCH,
  primary: 'orders-2',
  systemId: '7400000000000000000',
  timeline: 2,
  history: [{ timeline: 1, endLsn: 1000n }],
  sourceReady: true,
};
const early: FollowGoal = { ...follow, timeline: 0, history: [], sourceReady: false };
const unready: FollowGoal = { ...follow, sourceReady: false };

/** Timeline 1 but where it says otherwise. */
const SERVERS = {
  absent: { kind: 'absent' },
  broken: { kind: 'broken' },
  starting: { kind: 'starting', override: FOLLOWING },
  startingFenced: { kind: 'starting', override: FENCED },
  stopping: { kind: 'stopping' },
  unresponsive: { kind: 'unresponsive', role: 'standby' },
  unresponsivePrimary: { kind: 'unresponsive', role: 'primary' },
  stoppedStandby: buildStopped(),
  stoppedStandbyAhead: buildStopped({ minRecoveryLsn: 1001n }),
  stoppedPrimary: buildStopped({ ranAs: 'primary', standbySignal: false, minRecoveryLsn: 0n }),
  stoppedPrimaryAhead: buildStopped({ ranAs: 'primary', standbySignal: false, checkpointLsn: 1000n }),
  crashedPrimary: buildStopped({ ranAs: 'primary', standbySignal: false, clean: false, how: 'crashed' }),
  crashedUnderGoal: buildStopped({
    ranAs: 'primary',
    standbySignal: false,
    clean: false,
    how: 'crashed',
    crashedUnderGoal: true,
  }),
  crashedPromoting: buildStopped({ ranAs: 'promoting', standbySignal: false, clean: false }),
  primary: buildPrimary({ sync: SYNC, override: LEADING, slots: SLOTS }),
  primaryOtherSync: buildPrimary({ slots: SLOTS }),
  primaryForeignSync: buildPrimary({ sync: null, slots: SLOTS }),
  primaryUnderReload: buildPrimary({ sync: SYNC, override: LEADING, written: FENCED, slots: SLOTS }),
  primaryNoSlots: buildPrimary({ sync: SYNC, override: LEADING }),
  primaryNoCheckpoint: buildPrimary({ sync: SYNC, override: LEADING, slots: SLOTS, checkpointTimeline: 0 }),
  streaming: buildStandby(),
  connecting: buildStandby({ walReceiver: 'connecting' }),
  ahead: buildStandby({ replayLsn: 1001n }),
  walMissing: buildStandby({ walReceiver: 'none', walMissing: true }),
  fenced: buildStandby({ override: FENCED, walReceiver: 'none' }),
  fencedUnderReload: buildStandby({ override: FENCED, written: FOLLOWING, walReceiver: 'none' }),
  fencedReceiver: buildStandby({ override: FENCED }),
  fencedReplaying: buildStandby({ override: FENCED, walReceiver: 'none', drained: false }),
  candidate: buildStandby({ override: LEADING, walReceiver: 'none' }),
  candidateWithSlots: buildStandby({ override: LEADING, walReceiver: 'none', slots: SLOTS }),
  promoting: buildStandby({ override: LEADING, walReceiver: 'none', slots: SLOTS, promoting: true }),
  oldSlots: buildStandby({ slots: [{ ...slot('orders_3'), active: false }] }),
} satisfies Record<string, ServerView>;

type ServerName = keyof typeof SERVERS;

/** Every state times every goal: fence, lead, follow, follow before the source is ready, follow of timeline 0, stop. */
const TABLE: Record<ServerName, readonly [StepKind, StepKind, StepKind, StepKind, StepKind, StepKind]> = {
  absent: ['none', 'refuse', 'basebackup', 'wait', 'wait', 'none'],
  broken: ['none', 'refuse', 'basebackup', 'wait', 'wait', 'none'],
  starting: ['configure', 'configure', 'wait', 'wait', 'wait', 'stop'],
  startingFenced: ['wait', 'configure', 'configure', 'configure', 'configure', 'stop'],
  stopping: ['stop', 'wait', 'wait', 'wait', 'wait', 'stop'],
  unresponsive: ['wait', 'wait', 'wait', 'wait', 'wait', 'stop'],
  unresponsivePrimary: ['stop', 'wait', 'stop', 'stop', 'stop', 'stop'],
  stoppedStandby: ['start', 'start', 'start', 'start', 'wait', 'none'],
  stoppedStandbyAhead: ['start', 'start', 'rewind', 'wait', 'wait', 'none'],
  stoppedPrimary: ['none', 'start', 'start', 'start', 'wait', 'none'],
  stoppedPrimaryAhead: ['none', 'start', 'rewind', 'wait', 'wait', 'none'],
  crashedPrimary: ['none', 'start', 'rewind', 'wait', 'wait', 'refuse'],
  crashedUnderGoal: ['none', 'refuse', 'rewind', 'wait', 'wait', 'refuse'],
  crashedPromoting: ['none', 'start', 'rewind', 'wait', 'wait', 'refuse'],
  primary: ['stop', 'none', 'stop', 'stop', 'stop', 'stop'],
  primaryOtherSync: ['stop', 'configure', 'stop', 'stop', 'stop', 'stop'],
  primaryForeignSync: ['stop', 'configure', 'stop', 'stop', 'stop', 'stop'],
  // A goal came and went, and what it wrote is not in force yet: it will be.
  primaryUnderReload: ['stop', 'configure', 'stop', 'stop', 'stop', 'stop'],
  primaryNoSlots: ['stop', 'slots', 'stop', 'stop', 'stop', 'stop'],
  primaryNoCheckpoint: ['stop', 'checkpoint', 'stop', 'stop', 'stop', 'stop'],
  streaming: ['configure', 'configure', 'wait', 'wait', 'none', 'stop'],
  connecting: ['configure', 'configure', 'wait', 'wait', 'none', 'stop'],
  ahead: ['configure', 'configure', 'stop', 'wait', 'none', 'stop'],
  walMissing: ['configure', 'configure', 'basebackup', 'wait', 'none', 'stop'],
  fenced: ['none', 'configure', 'configure', 'configure', 'configure', 'stop'],
  fencedUnderReload: ['configure', 'configure', 'configure', 'configure', 'configure', 'stop'],
  fencedReceiver: ['wait', 'configure', 'configure', 'configure', 'configure', 'stop'],
  fencedReplaying: ['wait', 'configure', 'configure', 'configure', 'configure', 'stop'],
  candidate: ['none', 'slots', 'configure', 'configure', 'configure', 'stop'],
  candidateWithSlots: ['none', 'promote', 'configure', 'configure', 'configure', 'stop'],
  promoting: ['stop', 'promote', 'stop', 'stop', 'stop', 'stop'],
  oldSlots: ['configure', 'configure', 'slots', 'slots', 'slots', 'stop'],
};

const GOALS: readonly Goal[] = [fence, lead, follow, unready, early, stop];
const observe = (name: ServerName, change: Partial<Observed> = {}) =>
  buildObserved({ ...(name === 'absent' ? { systemId: '', timeline: 0 } : {}), server: SERVERS[name], ...change });
const names = Object.keys(SERVERS).filter((name): name is ServerName => name in SERVERS);
const anyName = fc.constantFrom(...names);
const anyGoal = fc.constantFrom<Goal>(...GOALS);

describe('an instance that leaves', () => {
  const retire: Goal = { kind: 'retire', epoch: EPOCH };

  it.each(names)('%s: is stopped, then its data directory is kept aside', (name) => {
    const step = plan(retire, EPOCH, observe(name));
    const { kind } = SERVERS[name];
    if (kind === 'absent') expect(step).toEqual({ kind: 'none' });
    else if (kind === 'broken' || kind === 'stopped') expect(step).toEqual({ kind: 'set-aside' });
    else expect(step).toEqual({ kind: 'stop', mode: kind === 'primary' ? 'immediate' : 'fast' });
  });

  it('leaves its slot to be dropped, and no other cluster loses one', () => {
    const left = { ...slot('orders_4_e5'), active: false };
    const others = ['orders_x_e5', 'orders_eu_4_e5', 'my_orders_4_e5', 'orders_4'].map((name) => {
      return { ...slot(name), active: false };
    });
    const server = buildPrimary({ sync: SYNC, override: LEADING, slots: [...SLOTS, left, ...others] });
    expect(plan(lead, EPOCH, buildObserved({ server }))).toEqual({
      ...{ kind: 'spare-slots', drop: ['orders_4_e5'] },
      create: [],
    });
  });
});

describe('plan', () => {
  it.each(names)('of %s, for each goal', (name) => {
    expect(GOALS.map((goal) => plan(goal, EPOCH, observe(name)).kind)).toEqual(TABLE[name]);
  });

  it('refuses a goal below the promise, whatever is observed', () => {
    fc.assert(
      fc.property(anyName, anyGoal, fc.integer({ min: 1, max: 9 }), (name, goal, above) => {
        expect(plan(goal, EPOCH + above, observe(name)).kind).toBe('refuse');
      }),
    );
  });

  it('raises the promise before anything else, but a primary of before is stopped first: the disk may be slow', () => {
    fc.assert(
      fc.property(anyName, anyGoal, fc.integer({ min: 1, max: EPOCH }), (name, goal, below) => {
        const observed = observe(name);
        const isOver = observed.server.kind === 'primary' && (goal.kind === 'fence' || goal.kind === 'follow');
        const first = isOver ? { kind: 'stop', mode: 'immediate' } : { kind: 'raise-promise', epoch: EPOCH };
        expect(plan(goal, EPOCH - below, observed)).toEqual(first);
      }),
    );
  });

  it('stops what was started to lead before it promises another epoch, and only that', () => {
    const starting = (closed: boolean) =>
      buildObserved({ server: { kind: 'starting', override: { ...FOLLOWING, closed } } });
    for (const goal of [fence, follow]) {
      expect(plan(goal, EPOCH - 1, starting(true))).toEqual({ kind: 'stop', mode: 'immediate' });
      expect(plan(goal, EPOCH - 1, starting(false)).kind).toBe('raise-promise');
    }
    expect(plan(lead, EPOCH - 1, starting(true)).kind).toBe('raise-promise');
  });

  it('lets nobody in to what was started to lead and is to follow before it runs', () => {
    const server: ServerView = { kind: 'starting', override: { ...LEADING, closed: true } };
    expect(plan(follow, EPOCH, buildObserved({ server }))).toEqual({
      kind: 'configure',
      override: { ...FOLLOWING, closed: true },
    });
    expect(plan(fence, EPOCH, buildObserved({ server }))).toMatchObject({ kind: 'wait' });
  });

  it('promotes only a standby that has the goal’s names in force and no source', () => {
    fc.assert(
      fc.property(anyName, anyGoal, (name, goal) => {
        const observed = observe(name);
        if (plan(goal, EPOCH, observed).kind !== 'promote') return;
        expect(goal.kind).toBe('lead');
        expect(observed.server).toMatchObject({ kind: 'standby', override: LEADING });
      }),
    );
  });

  it('starts nothing by a goal that says so', () => {
    for (const name of names) {
      const step = plan({ ...lead, start: false }, EPOCH, observe(name));
      expect(step.kind).not.toBe('start');
      if (SERVERS[name].kind === 'stopped') expect(step.kind).toBe('refuse');
    }
  });

  it('begins the epoch’s own timeline, and never one that is there', () => {
    expect(plan(lead, EPOCH, observe('candidateWithSlots'))).toEqual({ kind: 'promote', after: 1, timeline: EPOCH });
    expect(plan(lead, EPOCH, observe('candidateWithSlots', { timeline: 7 }))).toMatchObject({ timeline: 8 });
  });

  it('never takes a fence for done while anything may still be received or acknowledged', () => {
    for (const name of names) {
      const { server } = observe(name);
      if (!reached(plan(fence, EPOCH, observe(name)))) continue;
      expect(['absent', 'broken', 'stopped', 'standby']).toContain(server.kind);
      if (server.kind === 'standby') {
        expect(server).toMatchObject({ override: { primaryConninfo: '' }, walReceiver: 'none', promoting: false });
      }
    }
  });

  it('never touches data of another cluster', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        fc.pre(name !== 'absent');
        const step = plan({ ...follow, systemId: '42' }, EPOCH, observe(name));
        expect(step).toMatchObject({ kind: 'refuse', detail: expect.stringContaining('left untouched') });
      }),
    );
  });

  it('is done as a follower only on the primary’s timeline', () => {
    const history = [{ timeline: 1, endLsn: 1000n }];
    expect(plan(follow, EPOCH, observe('streaming', { timeline: 2, history }))).toEqual({ kind: 'none' });
    expect(plan(follow, EPOCH, observe('streaming')).kind).toBe('wait');
  });

  it('never starts what ended amid a promotion as the primary of its old timeline', () => {
    expect(plan(lead, EPOCH, observe('crashedPromoting'))).toMatchObject({ kind: 'start', role: 'standby' });
    expect(plan(lead, EPOCH, observe('stoppedPrimary'))).toMatchObject({ kind: 'start', role: 'primary' });
  });

  it('keeps what it starts to lead with closed until clients are let in, and opens what follows', () => {
    const open = { ...lead, start: false };
    expect(plan(lead, EPOCH, observe('stoppedPrimary'))).toMatchObject({ kind: 'start', override: { closed: true } });
    const closed = { ...LEADING, closed: true };
    const flushed = (flushLsn: bigint): StandbyConnection => ({
      ...{ name: 'orders-2', state: 'streaming', syncState: 'quorum', flushLsn, replayLsn: flushLsn },
    });
    const recovered = (standby: StandbyConnection, written = closed) =>
      buildObserved({
        server: buildPrimary({ sync: SYNC, override: closed, written, slots: SLOTS, standbys: [standby] }),
      });
    expect(plan(lead, EPOCH, recovered(flushed(800n)))).toEqual({ kind: 'none' });
    expect(plan(open, EPOCH, recovered(flushed(800n)))).toEqual({ kind: 'configure', override: LEADING });
    expect(plan(open, EPOCH, recovered(flushed(800n), LEADING)).kind).toBe('configure');
    // Who let clients in had heard of the run before this one.
    expect(plan(open, EPOCH, recovered(flushed(799n)))).toMatchObject({ kind: 'wait' });
    expect(plan(open, EPOCH, recovered({ ...flushed(800n), name: 'orders-9' }))).toMatchObject({ kind: 'wait' });
    // Promoted, it has shown nothing to anybody in this epoch.
    expect(plan(lead, EPOCH, observe('primary'))).toEqual({ kind: 'none' });
    const standby = buildStandby({ override: { ...FOLLOWING, closed: true } });
    expect(plan(follow, EPOCH, buildObserved({ server: standby }))).toEqual({ kind: 'configure', override: FOLLOWING });
  });

  it('keeps a directory aside that it replaces', () => {
    for (const name of names) {
      const step = plan(follow, EPOCH, observe(name));
      if (step.kind === 'basebackup') expect(step.keepAside).toBe(name !== 'absent');
    }
  });

  it('makes a cluster only where there is none', () => {
    expect(plan({ ...lead, create: true }, EPOCH, observe('absent')).kind).toBe('initdb');
    for (const name of names.filter((other) => other !== 'absent')) {
      expect(plan({ ...lead, create: true }, EPOCH, observe(name)).kind).not.toBe('initdb');
    }
  });

  it('makes a lost slot anew, and leaves slots of others alone', () => {
    const slots = [slot('orders_2_e5'), { ...slot('orders_3_e5'), active: false, lost: true }, slot('backup_tool')];
    const server = buildPrimary({ sync: SYNC, override: LEADING, slots });
    expect(plan(lead, EPOCH, buildObserved({ server }))).toEqual({
      kind: 'slots',
      drop: ['orders_3_e5'],
      create: ['orders_3_e5'],
    });
  });

  it('as a follower makes the slots of the next epoch beforehand, when all else is done', () => {
    const ready = { ...follow, successors: ['orders-1', 'orders-2', 'orders-3'] };
    const history = [{ timeline: 1, endLsn: 1000n }];
    const streaming = (slots: readonly SlotView[]) =>
      buildObserved({ timeline: 2, history, server: buildStandby({ slots }) });
    const old = { ...slot('orders_2_e5'), active: false, reserved: false };
    const step = plan(ready, EPOCH, streaming([old, { ...slot('backup'), active: false, reserved: false }]));
    expect(step).toEqual({ kind: 'spare-slots', drop: ['orders_2_e5'], create: ['orders_2_e6', 'orders_3_e6'] });
    expect(reached(step)).toBe(true);
    const made = ['orders_2_e6', 'orders_3_e6'].map((name) => ({ ...slot(name), active: false, reserved: false }));
    expect(plan(ready, EPOCH, streaming(made))).toEqual({ kind: 'none' });
    // They are there when it leads, and nothing is made before the promotion.
    const server = buildStandby({ override: LEADING, walReceiver: 'none', slots: made });
    expect(plan({ ...lead, epoch: EPOCH + 1 }, EPOCH + 1, buildObserved({ server })).kind).toBe('promote');
  });

  it('goes on without another look only where what was seen cannot have become wrong', () => {
    for (const name of names) {
      const observed = observe(name);
      for (const goal of GOALS) {
        const step = plan(goal, EPOCH, observed);
        const isStandby = observed.server.kind === 'standby';
        const { kind } = step;
        const expected = kind === 'configure' && isStandby && (goal.kind !== 'follow' || goal.timeline === 0);
        expect(needsNoLook(step, goal, observed, false)).toBe(expected);
        expect(needsNoLook(step, goal, observed, true)).toBe(expected || kind === 'promote');
      }
    }
    expect(needsNoLook(plan(fence, EPOCH - 1, observe('fenced')), fence, observe('fenced'), false)).toBe(true);
  });

  it('has slots of its epoch only, so that an old primary, which lacks them, sends nothing to who follows a new one', () => {
    const old = { ...slot('orders_3_e4'), active: false };
    const server = buildPrimary({ sync: SYNC, override: LEADING, slots: [...SLOTS, old, slot('orders_2_e4')] });
    const step = plan(lead, EPOCH, buildObserved({ server }));
    expect(step).toEqual({ kind: 'spare-slots', drop: ['orders_3_e4'], create: [] });
    expect(reached(step)).toBe(true);
    const slotsOf = (epoch: number) => {
      const step = plan({ ...follow, epoch }, epoch, observe('fenced'));
      return step.kind === 'configure' ? step.override.primarySlotName : step.kind;
    };
    expect(slotsOf(EPOCH)).toBe('orders_1_e5');
    expect(slotsOf(EPOCH + 1)).toBe('orders_1_e6');
  });
});
