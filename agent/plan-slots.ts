/** Which replication slots an instance has, and the steps that make and drop them. Pure. */
import type { FollowGoal, LeadGoal } from '../control-plane/model/goal.ts';
import type { Observed, SlotView } from './observe/observed.ts';
import type { Step } from './plan.ts';

/**
 * Name of the replication slot that an instance uses on the primary of an epoch. With the epoch in it an instance that
 * promised and follows the new epoch gets nothing from an old primary, to which the route of its Envoy may still lead:
 * what it flushed from there would be acknowledged to clients and missing in the new primary. `standby`: the one that
 * it streams from instead of the primary; another source is another slot, so that a stream from the former one ends.
 */
export function slotName(instance: string, epoch: number, standby = ''): string {
  const from = standby === '' ? '' : `_from_${numberOf(standby)}`;
  return `${instance.replaceAll('-', '_')}_e${epoch}${from}`;
}

/** Instances are named CLUSTER-N. */
function numberOf(instance: string): string {
  return /\d*$/.exec(instance)![0];
}

function clusterOf({ instance }: Observed): string {
  return instance.replace(/-\d+$/, '');
}

/** One that slotName() could have made for an instance of this cluster. */
function isSlotOf(cluster: string, name: string): boolean {
  const rest = name.startsWith(`${cluster.replaceAll('-', '_')}_`) ? name.slice(cluster.length + 1) : '';
  return /^\d+_e\d+(_from_\d+)?$/.test(rest);
}

export function wantedSlots(goal: LeadGoal, observed: Observed): string[] {
  return goal.members.filter((name) => name !== observed.instance).map((name) => slotName(name, goal.epoch));
}

/** For those that stream from this standby. */
export function servedSlots(
  { epoch, serves = [] }: Pick<FollowGoal, 'epoch' | 'serves'>,
  { instance }: Pick<Observed, 'instance'>,
) {
  return serves.map((name) => slotName(name, epoch, instance));
}

/**
 * For those that stream from this standby if it leads the next epoch. Making them takes tens of milliseconds, which no
 * failover then waits for; until somebody uses them they keep no WAL.
 */
export function nextSlots({ epoch, successors = [] }: FollowGoal, { instance }: Observed): string[] {
  return successors.filter((name) => name !== instance).map((name) => slotName(name, epoch + 1));
}

/** A lost slot can't be revived; it is made anew. `unneeded`: dropped as well. undefined = nothing to do. */
export function missingSlots(
  slots: readonly SlotView[],
  wanted: readonly string[],
  unneeded: readonly string[] = [],
): Step | undefined {
  const isLost = (name: string) => slots.some((slot) => slot.name === name && slot.lost && !slot.active);
  const create = wanted.filter((name) => isLost(name) || !slots.some((slot) => slot.name === name));
  const dropped = unneeded.filter((name) => !wanted.includes(name));
  if (create.length === 0 && dropped.length === 0) return undefined;
  return { kind: 'slots', drop: [...dropped, ...create.filter(isLost)], create };
}

/**
 * Those of other epochs, and of instances that left, would keep WAL for nobody. Slots that Howdah didn't make are left
 * alone.
 */
export function spareSlots(
  slots: readonly SlotView[],
  used: readonly string[],
  next: readonly string[],
  observed: Observed,
): Step | undefined {
  const cluster = clusterOf(observed);
  const drop = slots
    .filter(({ name, active }) => !active && !used.includes(name) && !next.includes(name) && isSlotOf(cluster, name))
    .map((slot) => slot.name);
  const create = next.filter((name) => !slots.some((slot) => slot.name === name));
  return create.length === 0 && drop.length === 0 ? undefined : { kind: 'spare-slots', drop, create };
}
