/** How soon the agent looks again. Pure. */
import type { Goal } from '../control-plane/model/goal.ts';
import { isRecoveryHeld } from './closed.ts';
import type { Observed } from './observe/observed.ts';
import { reached, type Step, type StepKind } from './plan.ts';

const FAST_MS = 4;
/** Whether a standby streams already is for the primary to see: nobody waits for the standby's own word. */
const FOLLOWING_MS = 50;
const SLOW_MS = 100;
const IDLE_MS = 500;
/** After this long without any event what is waited for may take hours. */
const FAST_FOR_MS = 5_000;

/** What has time comes so long after the last event: its work would be in the way of the first commits. */
const CALM_AFTER_MS = 500;

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

export function delayMs(goal: Goal['kind'], settled: boolean, step: StepKind, quietMs: number): number {
  if (settled || step === 'refuse') return IDLE_MS;
  if (quietMs >= FAST_FOR_MS) return SLOW_MS;
  return goal === 'follow' ? FOLLOWING_MS : FAST_MS;
}

/**
 * Nothing that the control plane waits for is on its way: a new primary is watched closely until enough standbys have
 * flushed its end of recovery, since writes are let in at that moment.
 */
export function isSettled(goal: Goal, observed: Pick<Observed, 'server'>): boolean {
  const { server } = observed;
  return goal.kind !== 'lead' || server.kind !== 'primary' || isRecoveryHeld(goal, server);
}

/**
 * How long after PostgreSQL crashed its agent looks what it left: reading it costs the processor tens of milliseconds,
 * just when others on the same machine may be taking over.
 */
export function restMs(goal: Goal | null): number {
  // Without voters the others wait for its word.
  return goal?.kind === 'lead' && goal.sync.k > 0 ? 500 : 0;
}

/** A step that remains of a goal that is reached has to wait still. */
export function hasTime(step: Step, quietMs: number): boolean {
  return reached(step) && quietMs < CALM_AFTER_MS;
}

/** What is done in a moment is told with what follows: a report costs the processor, here and at the control plane. */
export function isToldLater(step: StepKind): boolean {
  return step === 'configure' || step === 'promote' || step === 'raise-promise' || step === 'slots';
}

/** Before the `count`th try again, counted from 1. */
export function retryMs(count: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(count - 1, 10));
}
