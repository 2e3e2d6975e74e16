/** The text of the file in which an agent keeps whom it followed last. Pure. */
import type { FollowGoal } from '../control-plane/model/goal.ts';
import { formatLsn, parseLsn } from '../control-plane/model/lsn.ts';
import { isObject } from '../proto/json.ts';
import { seal, unseal } from './sealed-text.ts';

export function goalText(goal: FollowGoal): string {
  const { epoch, primary, systemId, timeline, history, source, serves, successors } = goal;
  const ends = history.map((end) => ({ timeline: end.timeline, endLsn: formatLsn(end.endLsn) }));
  return seal({ epoch, primary, systemId, timeline, history: ends, source, serves, successors });
}

/**
 * The goal, of which nothing is copied: whether the primary can be copied from is known only now; or undefined when the
 * text is damaged.
 */
export function readGoalText(text: string): FollowGoal | undefined {
  const json = unseal(text);
  if (!isObject(json) || !Array.isArray(json.history)) return undefined;
  const history = json.history
    .filter(isObject)
    .map((end) => ({ timeline: Number(end.timeline), endLsn: parseLsn(String(end.endLsn)) }));
  return {
    kind: 'follow',
    epoch: Number(json.epoch),
    primary: String(json.primary),
    systemId: String(json.systemId),
    timeline: Number(json.timeline),
    history,
    sourceReady: false,
    ...(typeof json.source === 'string' ? { source: json.source } : {}),
    ...(Array.isArray(json.serves) ? { serves: json.serves.map(String) } : {}),
    ...(Array.isArray(json.successors) ? { successors: json.successors.map(String) } : {}),
  };
}
