/** A switchover that somebody asked for, from the check to the first moment that the new primary takes writes. */
import type { SwitchoverResult } from '../api/view.ts';
import { HowdahError } from '../model/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import { beginSwitchover, checkSwitchover, type SwitchoverRequest } from './decide-switchover.ts';
import type { Intent } from './runner.ts';
import type { ClusterState } from './state.ts';

/** A switchover that has not ended by then is reported as not ended; it goes on. Added to the wait, ms. */
const RESULT_LIMIT_MS = 60_000;

export class PendingSwitchover {
  readonly done: Promise<SwitchoverResult>;
  readonly intent: Intent;
  /** Nobody here brings it to its end any more. */
  readonly abandon: (why: string) => void;
  /** To be called with every new state. */
  onState: (state: ClusterState) => void = () => {};

  constructor(clock: Clock, request: SwitchoverRequest, current: ClusterState) {
    const startedAt = clock.now();
    // What is certain now is refused now, also when the loop is held up by the store.
    const first = refuseUnlessAllowed(current, request);
    const { promise, resolve, reject } = Promise.withResolvers<SwitchoverResult>();
    this.done = promise;
    const timer = clock.after(request.waitMs + RESULT_LIMIT_MS, () => {
      reject(new HowdahError('deadline-exceeded', 'the switchover has not ended yet: see the status and the history'));
    });
    const end = (settle: () => void) => {
      this.onState = () => {};
      timer.cancel();
      settle();
    };
    this.abandon = (why) => end(() => reject(new HowdahError('unavailable', why)));
    this.intent = (state) => {
      const check = checkSwitchover(state, request);
      if (check.forbidden.length > 0) {
        end(() => reject(forbiddenError(check.forbidden)));
        return null;
      }
      const from = first.from;
      const epoch = state.record.epoch;
      this.onState = (next) => {
        const { phase } = next.record;
        if (phase.kind !== 'active' || phase.gate !== 'open' || next.record.epoch <= epoch) return;
        const result = { from, to: phase.primary, epoch: next.record.epoch, checks: check.passed };
        if (phase.primary === from) {
          end(() => reject(new HowdahError('unavailable', `${from} leads again: see the history for what happened`)));
        } else end(() => resolve({ ...result, durationMs: Math.round(clock.now() - startedAt) }));
      };
      return beginSwitchover(state, from, check.target, request.waitMs);
    };
  }
}

export function dryRun(state: ClusterState, request: SwitchoverRequest): SwitchoverResult {
  const { from, to, checks } = refuseUnlessAllowed(state, request);
  return { from, to, epoch: state.record.epoch + 1, durationMs: 0, checks };
}

function refuseUnlessAllowed(state: ClusterState, request: SwitchoverRequest) {
  const { target, passed, forbidden } = checkSwitchover(state, request);
  const { phase } = state.record;
  if (forbidden.length > 0 || phase.kind !== 'active') throw forbiddenError(forbidden);
  return { from: phase.primary, to: target, checks: passed };
}

function forbiddenError(forbidden: readonly string[]): HowdahError {
  return new HowdahError('failed-precondition', `a switchover can't begin: ${forbidden.join('; ')}`, {
    problems: forbidden.map((message) => ({ path: 'switchover', message })),
  });
}
