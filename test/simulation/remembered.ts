/** What the production agent answers each time anew, here only where it is asked something else: the same follows. */
import { answer } from '../../agent/health/answer.ts';
import { healthView } from '../../agent/health-view.ts';
import type { Observed } from '../../agent/observe/observed.ts';
import { plan, type Step } from '../../agent/plan.ts';
import type { Goal } from '../../control-plane/model/goal.ts';

export class RememberedPlan {
  #last: {
    readonly goal: Goal;
    readonly promisedEpoch: number;
    readonly seen: Observed;
    readonly step: Step;
  } | null = null;

  step(goal: Goal, promisedEpoch: number, seen: Observed): Step {
    const last = this.#last;
    if (last?.goal === goal && last.seen === seen && last.promisedEpoch === promisedEpoch) return last.step;
    const step = plan(goal, promisedEpoch, seen);
    this.#last = { goal, promisedEpoch, seen, step };
    return step;
  }
}

/** What the health endpoint answers to the Envoys that send writes of an epoch here: asked for after every event. */
export class RememberedHealth {
  #last: {
    readonly epoch: number;
    readonly goal: Goal | null;
    readonly seen: Observed;
    readonly isFit: boolean;
  } | null = null;

  isFit(epoch: number, goal: Goal | null, seen: Observed): boolean {
    const last = this.#last;
    if (last?.epoch === epoch && last.goal === goal && last.seen === seen) return last.isFit;
    const isFit = answer(`/primary?epoch=${epoch}`, healthView(goal, seen, 0)).status === 200;
    this.#last = { epoch, goal, seen, isFit };
    return isFit;
  }
}
