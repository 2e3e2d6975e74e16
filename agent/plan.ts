/**
 * Decides the one next step towards a goal. Pure: the same goal, promise and observation give the same step. apply.ts
 * executes it, everything is observed again and planned again, so a crash at any step is recovered by running again.
 */
import type { FenceGoal, FollowGoal, Goal, LeadGoal, StopGoal } from '../control-plane/model/goal.ts';
import { maxLsn } from '../control-plane/model/lsn.ts';
import { formatSync, parseSync, sameSync } from '../control-plane/model/sync.ts';
import { staysClosed, whileStarting } from './closed.ts';
import { divergence } from './divergence.ts';
import { NO_OVERRIDE, type Observed, type Override, type ServerView, type StandbyView } from './observe/observed.ts';
import { missingSlots, nextSlots, servedSlots, slotName, spareSlots, wantedSlots } from './plan-slots.ts';
import { NOBODY_NAME, nextSync } from './plan-sync.ts';

export type Step =
  /** The goal is reached. */
  | { readonly kind: 'none' }
  /** The goal can't be reached: it fails with this sentence and stays so until a goal arrives. */
  | { readonly kind: 'refuse'; readonly detail: string }
  | { readonly kind: 'wait'; readonly detail: string }
  | { readonly kind: 'raise-promise'; readonly epoch: number }
  | { readonly kind: 'initdb' }
  /** `keepAside`: a data directory is there and stays, under another name. `slot`: on the source. */
  | { readonly kind: 'basebackup'; readonly keepAside: boolean; readonly slot: string }
  | { readonly kind: 'rewind' }
  /** Writes the settings that change and reloads them. */
  | { readonly kind: 'configure'; readonly override: Override }
  | { readonly kind: 'start'; readonly role: 'primary' | 'standby'; readonly override: Override }
  | { readonly kind: 'stop'; readonly mode: 'fast' | 'immediate' }
  /** From timeline `after`, its present one, to `timeline`, which no other promotion begins. */
  | { readonly kind: 'promote'; readonly after: number; readonly timeline: number }
  | { readonly kind: 'slots'; readonly drop: readonly string[]; readonly create: readonly string[] }
  /** The same, of slots that nobody waits for: the goal is reached already. */
  | { readonly kind: 'spare-slots'; readonly drop: readonly string[]; readonly create: readonly string[] }
  /** The data directory goes under another name. */
  | { readonly kind: 'set-aside' }
  /** In the background: the goal is reached already. */
  | { readonly kind: 'checkpoint' };

export type StepKind = Step['kind'];

/** Steps that do something. */
export type Deed = Exclude<Step, { kind: 'none' | 'refuse' | 'wait' }>;

export function isDeed(step: Step): step is Deed {
  return step.kind !== 'none' && step.kind !== 'refuse' && step.kind !== 'wait';
}

/**
 * A standby's synchronous_standby_names: a name that no instance can have. A promotion that nobody ordered can so never
 * acknowledge a commit, and the shared flag that makes backends wait at all (set by the checkpointer, invisible to SQL)
 * is on before any promotion instead of some time after it.
 */
export const NOBODY = formatSync({ voters: [NOBODY_NAME], k: 1 });

export function plan(goal: Goal, promisedEpoch: number, observed: Observed): Step {
  if (goal.epoch < promisedEpoch) {
    return { kind: 'refuse', detail: `the goal's epoch ${goal.epoch} is below the promised epoch ${promisedEpoch}` };
  }
  if (goal.epoch > promisedEpoch) {
    // A promise can take longer to get to disk than the lease lasts, and a primary must not go on meanwhile.
    const isOver = (goal.kind === 'fence' || goal.kind === 'follow') && leads(observed.server);
    return isOver ? { kind: 'stop', mode: 'immediate' } : { kind: 'raise-promise', epoch: goal.epoch };
  }
  switch (goal.kind) {
    case 'fence':
      return planFence(goal, observed);
    case 'lead':
      return planLead(goal, observed);
    case 'follow':
      return planFollow(goal, observed);
    case 'stop':
      return planStop(goal, observed);
    case 'retire':
      return planRetire(observed);
  }
}

/** It takes writes, or will as soon as it runs: what was started to lead is closed. */
function leads(server: ServerView): boolean {
  return server.kind === 'primary' || (server.kind === 'starting' && server.override.closed);
}

/** The goal counts as done although the step remains, which has time. */
export function reached(step: Step): boolean {
  return step.kind === 'none' || step.kind === 'checkpoint' || step.kind === 'spare-slots';
}

/**
 * Whether the step may follow from what was seen last, without another look, which takes milliseconds on the way of a
 * failover. A promise asks for nothing. What is written to a standby's settings is right in whatever state it is by now,
 * and `shown`, when PostgreSQL just showed it, a promotion rests on nothing else that could have changed.
 */
export function needsNoLook(step: Step, goal: Goal, { server }: Observed, shown: boolean): boolean {
  switch (step.kind) {
    case 'raise-promise':
      return true;
    case 'configure':
      return server.kind === 'standby' && (goal.kind !== 'follow' || goal.timeline === 0);
    case 'promote':
      return shown;
    default:
      return false;
  }
}

/**
 * Whether a goal that arrives ends the step under way. Waiting always ends, what was asked for goes on by itself; a copy
 * goes on only for the same primary.
 */
export function cutsShort(step: StepKind, goal: Goal): boolean {
  switch (step) {
    case 'basebackup':
    case 'rewind':
      return goal.kind !== 'follow';
    case 'configure':
    case 'promote':
    case 'stop':
      return true;
    case 'checkpoint':
    case 'initdb':
    case 'raise-promise':
    case 'set-aside':
    case 'slots':
    case 'spare-slots':
    case 'start':
    case 'none':
    case 'refuse':
    case 'wait':
      return false;
  }
}

/** primary_conninfo is the same for every primary: the local Envoy's route decides which one it is. */
export function primaryConninfo(observed: Pick<Observed, 'instance' | 'replicationPort'>): string {
  const { instance, replicationPort } = observed;
  // Over a bad line it takes seconds to connect; over none Envoy says so sooner.
  return (
    `host=127.0.0.1 port=${replicationPort} user=howdah_replication ` +
    `application_name=${instance} connect_timeout=5 sslmode=disable`
  );
}

/** An old goal must not make a second primary: the control plane's answer to a report is awaited first. */
const AWAITS_LEASE: Step = { kind: 'wait', detail: 'waiting for word from the control plane' };

/** A standby that receives nothing. */
export const NO_SOURCE: Override = { ...NO_OVERRIDE, synchronousStandbyNames: NOBODY };

/** A standby that receives by way of this slot. */
function receiving(observed: Observed, slot: string): Override {
  return { ...NO_SOURCE, primaryConninfo: primaryConninfo(observed), primarySlotName: slot };
}

function planFence(goal: FenceGoal, observed: Observed): Step {
  const { server } = observed;
  switch (server.kind) {
    case 'absent':
    case 'broken':
      return { kind: 'none' };
    case 'stopped':
      if (!server.standbySignal || server.ranAs !== 'standby') return { kind: 'none' };
      return { kind: 'start', role: 'standby', override: NO_SOURCE };
    case 'starting':
      if (server.override.primaryConninfo !== '') {
        return { kind: 'configure', override: whileStarting(NO_SOURCE, server.override) };
      }
      return { kind: 'wait', detail: 'PostgreSQL is starting' };
    case 'unresponsive':
      // Frozen now, it could thaw as a primary.
      if (server.role === 'primary') return { kind: 'stop', mode: 'immediate' };
      return { kind: 'wait', detail: 'PostgreSQL does not answer' };
    case 'stopping':
    case 'primary':
      return { kind: 'stop', mode: 'immediate' };
    case 'standby':
      if (server.promoting) return { kind: 'stop', mode: 'immediate' };
      if (goal.catchUp && maxLsn(server.receiveLsn, server.replayLsn) < goal.catchUp.lsn) {
        return planCatchUp(goal, goal.catchUp.from, observed, server);
      }
      if (server.override.primaryConninfo !== '' || server.written.primaryConninfo !== '')
        return { kind: 'configure', override: NO_SOURCE };
      if (server.walReceiver !== 'none') return { kind: 'wait', detail: 'the WAL receiver is stopping' };
      if (!server.drained) return { kind: 'wait', detail: 'received WAL is being replayed' };
      return missingSlots(server.slots, servedSlots(goal, observed)) ?? { kind: 'none' };
  }
}

/** What another one that promised the epoch holds; its slot tells it from every primary of before. */
function planCatchUp({ epoch }: FenceGoal, from: string, observed: Observed, server: StandbyView): Step {
  const override = receiving(observed, slotName(observed.instance, epoch, from));
  if (!isSet(server, override)) return { kind: 'configure', override };
  return { kind: 'wait', detail: `getting WAL from ${from}` };
}

function planLead(goal: LeadGoal, observed: Observed): Step {
  const { server } = observed;
  const override: Override = {
    ...NO_OVERRIDE,
    synchronousStandbyNames: formatSync(goal.sync),
    closed: staysClosed(goal, server),
  };
  switch (server.kind) {
    case 'absent':
      if (goal.create) return { kind: 'initdb' };
      return { kind: 'refuse', detail: 'there is no data directory to lead with' };
    case 'broken':
      return { kind: 'refuse', detail: 'an interrupted pg_rewind left the data directory unusable' };
    case 'stopped':
      if (server.crashedUnderGoal) return { kind: 'refuse', detail: 'PostgreSQL ended after it was told to lead' };
      if (!goal.start) return { kind: 'refuse', detail: 'PostgreSQL is stopped, and clients are still let in' };
      if (!observed.leaseHeld) return AWAITS_LEASE;
      // Only what ended as a primary goes on with its timeline; everything else begins its own by a promotion.
      if (server.standbySignal || server.ranAs !== 'primary') return { kind: 'start', role: 'standby', override };
      return { kind: 'start', role: 'primary', override };
    case 'starting':
      if (!sameOverride(server.override, override)) return { kind: 'configure', override };
      return { kind: 'wait', detail: 'PostgreSQL is starting' };
    case 'unresponsive':
      return { kind: 'wait', detail: 'PostgreSQL does not answer' };
    case 'stopping':
      return { kind: 'wait', detail: 'PostgreSQL is stopping' };
    case 'standby': {
      if (!isSet(server, override)) return { kind: 'configure', override };
      // Before the promotion, so that standbys which connect at once find their slots.
      const slots = missingSlots(server.slots, wantedSlots(goal, observed));
      return slots ?? (observed.leaseHeld || server.promoting ? promotion(goal, observed) : AWAITS_LEASE);
    }
    case 'primary': {
      // Cut off from all who could tell: somebody else may lead. Immediate, because a slower stop goes on acknowledging.
      if (!observed.leaseHeld) return { kind: 'stop', mode: 'immediate' };
      // A text of somebody else's, or ours from before: what counts is that the goal's is in force.
      const told = nextSync(goal, server);
      const written = parseSync(server.written.synchronousStandbyNames);
      const isTold = server.sync && written && sameSync(server.sync, told) && sameSync(written, told);
      const isShut = server.override.closed === override.closed && server.written.closed === override.closed;
      if (!isTold || !isShut) {
        return { kind: 'configure', override: { ...override, synchronousStandbyNames: formatSync(told) } };
      }
      if (!sameSync(told, goal.sync)) return { kind: 'wait', detail: 'WAL senders are to wait for more standbys' };
      const wanted = wantedSlots(goal, observed);
      const slots = missingSlots(server.slots, wanted);
      if (slots) return slots;
      if (override.closed && !goal.start) return { kind: 'wait', detail: 'too few standbys hold what it recovered' };
      const stale = server.checkpointTimeline !== observed.timeline && !server.checkpointing;
      if (stale) return { kind: 'checkpoint' };
      return spareSlots(server.slots, wanted, [], observed) ?? { kind: 'none' };
    }
  }
}

/**
 * An epoch has one candidate, so its number belongs to one promotion: two histories never share a timeline, and what
 * diverged can be told by it.
 */
function promotion(goal: LeadGoal, { timeline }: Observed): Step {
  return { kind: 'promote', after: timeline, timeline: Math.max(goal.epoch, timeline + 1) };
}

function planFollow(goal: FollowGoal, observed: Observed): Step {
  const { server } = observed;
  if (goal.primary === observed.instance) {
    return { kind: 'refuse', detail: `${observed.instance} can't follow itself` };
  }
  if (observed.systemId !== '' && goal.systemId !== '' && observed.systemId !== goal.systemId) {
    const detail = `the data directory belongs to another cluster (system identifier ${observed.systemId}, the cluster's is ${goal.systemId}); it is left untouched: move it away to let this instance join`;
    return { kind: 'refuse', detail };
  }
  const slot = slotName(observed.instance, goal.epoch, goal.source);
  const override = receiving(observed, slot);
  switch (server.kind) {
    case 'absent':
      return fromSource(goal, { kind: 'basebackup', keepAside: false, slot });
    case 'broken':
      return fromSource(goal, { kind: 'basebackup', keepAside: true, slot });
    case 'primary':
      return { kind: 'stop', mode: 'immediate' };
    case 'stopping':
      return { kind: 'wait', detail: 'PostgreSQL is stopping' };
    case 'unresponsive':
      if (server.role === 'primary') return { kind: 'stop', mode: 'immediate' };
      return { kind: 'wait', detail: 'PostgreSQL does not answer' };
    case 'starting': {
      const wanted = whileStarting(override, server.override);
      if (!sameOverride(server.override, wanted)) return { kind: 'configure', override: wanted };
      return { kind: 'wait', detail: 'PostgreSQL is starting' };
    }
    case 'stopped': {
      if (goal.timeline === 0) return { kind: 'wait', detail: `${goal.primary} is still being promoted` };
      switch (divergence(goal, observed)) {
        case 'none':
          return { kind: 'start', role: 'standby', override };
        case 'rewind':
          return fromSource(goal, { kind: 'rewind' });
        case 'replace':
          return fromSource(goal, { kind: 'basebackup', keepAside: true, slot });
      }
      break;
    }
    case 'standby': {
      if (server.promoting) return { kind: 'stop', mode: 'immediate' };
      if (goal.timeline !== 0 && (server.walMissing || divergence(goal, observed) !== 'none')) {
        if (!goal.sourceReady) return { kind: 'wait', detail: `waiting for ${goal.primary} to rejoin from` };
        return server.walMissing ? { kind: 'basebackup', keepAside: true, slot } : { kind: 'stop', mode: 'fast' };
      }
      if (!isSet(server, override)) return { kind: 'configure', override };
      // Slots of a time as primary would keep WAL here for nobody.
      const stale = server.slots.filter((slot) => slot.reserved && !slot.active).map((slot) => slot.name);
      const served = servedSlots(goal, observed);
      const slots = missingSlots(server.slots, served, stale);
      if (slots) return slots;
      if (goal.timeline === 0) return { kind: 'none' };
      if (server.walReceiver !== 'streaming')
        return { kind: 'wait', detail: `connecting to ${goal.source ?? goal.primary}` };
      if (observed.timeline !== goal.timeline) {
        return { kind: 'wait', detail: `on timeline ${observed.timeline}, moving to ${goal.timeline}` };
      }
      return spareSlots(server.slots, served, nextSlots(goal, observed), observed) ?? { kind: 'none' };
    }
  }
}

function planStop(_goal: StopGoal, { server }: Observed): Step {
  switch (server.kind) {
    case 'absent':
    case 'broken':
      return { kind: 'none' };
    case 'stopped':
      if (server.clean) return { kind: 'none' };
      return { kind: 'refuse', detail: 'PostgreSQL is stopped, but its shutdown was not clean' };
    case 'starting':
    case 'stopping':
    case 'unresponsive':
    case 'primary':
    case 'standby':
      return { kind: 'stop', mode: 'fast' };
  }
}

function planRetire({ server }: Observed): Step {
  switch (server.kind) {
    case 'absent':
      return { kind: 'none' };
    case 'broken':
    case 'stopped':
      return { kind: 'set-aside' };
    case 'primary':
      return { kind: 'stop', mode: 'immediate' };
    case 'starting':
    case 'stopping':
    case 'unresponsive':
    case 'standby':
      return { kind: 'stop', mode: 'fast' };
  }
}

/** A step that copies from the primary: only once that is ready to be copied from. */
function fromSource(goal: FollowGoal, step: Step): Step {
  return goal.sourceReady ? step : { kind: 'wait', detail: `waiting until ${goal.primary} can be copied from` };
}

/**
 * In force, and nothing else is about to be: a goal that came and went can have left a reload under way, and what it
 * wrote is in force for others before a query shows it.
 */
function isSet(server: Pick<StandbyView, 'override' | 'written'>, override: Override): boolean {
  return sameOverride(server.override, override) && sameOverride(server.written, override);
}

function sameOverride(a: Override, b: Override): boolean {
  return (
    a.primaryConninfo === b.primaryConninfo &&
    a.primarySlotName === b.primarySlotName &&
    a.synchronousStandbyNames === b.synchronousStandbyNames &&
    a.closed === b.closed
  );
}
