/** A step that failed, and when it may be tried again. Pure. */
import type { Goal } from '../control-plane/model/goal.ts';
import { retryMs } from './pace.ts';
import type { StepKind } from './plan.ts';

export interface Failure {
  readonly step: StepKind;
  /** What went wrong. */
  readonly detail: string;
  /** In a row. */
  readonly count: number;
  /** Monotonic ms; Infinity: not before a goal arrives. */
  readonly retryAt: number;
}

/** `before`: the failure that the agent was at; null = none. */
export function failed(
  before: Failure | null,
  goal: Goal['kind'],
  step: StepKind,
  detail: string,
  now: number,
): Failure {
  const count = before?.step === step ? before.count + 1 : 1;
  // A primary that can't be had is the control plane's to judge; a standby tries for as long as it takes.
  const final = goal === 'lead' && (step === 'initdb' || step === 'promote');
  return { step, detail, count, retryAt: final ? Number.POSITIVE_INFINITY : now + retryMs(count) };
}
