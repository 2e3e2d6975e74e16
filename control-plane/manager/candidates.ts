/**
 * Who leads the next epoch. Compares only what was promised to it: positions that can't grow any more. Never looks at
 * what the lost primary last reported.
 */
import type { ClusterRecord } from '../model/cluster-record.ts';
import { tagsOf, whyNoLeader } from '../model/cluster-spec.ts';
import type { InstanceReport, TimelineSwitch } from '../model/instance.ts';
import { formatLsn, type Lsn, maxLsn } from '../model/lsn.ts';

/** One that leaves would have to hand over again: below every priority that a tag can give. */
const LEAVING_PRIORITY = -1;

/** A fenced instance and what it holds. */
export interface Contender {
  readonly instance: string;
  readonly timeline: number;
  readonly history: readonly TimelineSwitch[];
  /** max(receive, replay): after a restart `receive` is only the start of a segment. */
  readonly lsn: Lsn;
  /** Why it may not lead whatever it holds, as a clause; null = it may. */
  readonly barred: string | null;
  /** Higher first among equals. */
  readonly priority: number;
}

/** The recorded history of the cluster: only WAL on it can have been acknowledged. */
export interface KnownHistory {
  readonly timeline: number;
  readonly history: readonly TimelineSwitch[];
  /**
   * A promotion from the recorded timeline may have happened unrecorded: one more switch than recorded is accepted.
   */
  readonly unconfirmed: boolean;
}

export type Choice =
  | {
      readonly kind: 'chosen';
      readonly contender: Contender;
      readonly passedOver: readonly PassedOver[];
      /** One that may not lead and holds more: the chosen one has to get that first. null = nobody. */
      readonly ahead: Contender | null;
      /**
       * How many vouch that the chosen one lacks no commit of theirs that can have been acknowledged. One that diverged
       * holds the cluster's history up to where it left it, and does so only for a candidate that got that far.
       */
      readonly witnesses: number;
    }
  | { readonly kind: 'none'; readonly passedOver: readonly PassedOver[] };

export interface PassedOver {
  readonly instance: string;
  /** One clause: why it does not lead. */
  readonly why: string;
}

/**
 * Highest timeline, then highest LSN, then `prefer`, then the highest priority, then the name that sorts first.
 * Divergent ones never lead, nor do those that are barred.
 */
export function chooseCandidate(contenders: readonly Contender[], known: KnownHistory, prefer: string): Choice {
  const passedOver: PassedOver[] = [];
  const eligible: Contender[] = [];
  const divergent: Contender[] = [];
  for (const contender of contenders) {
    const why = ineligible(contender, known) ?? divergence(contender, contenders);
    if (why) {
      passedOver.push({ instance: contender.instance, why });
      divergent.push(contender);
    } else eligible.push(contender);
  }
  eligible.sort((a, b) => order(a, b, prefer));
  for (const { instance, barred } of eligible) if (barred !== null) passedOver.push({ instance, why: barred });
  const [best, ...others] = eligible.filter(({ barred }) => barred === null);
  if (!best) return { kind: 'none', passedOver };
  const first = eligible[0]!;
  const ahead = first.timeline > best.timeline || first.lsn > best.lsn ? first : null;
  for (const other of others) passedOver.push({ instance: other.instance, why: whyBehind(other, best, prefer) });
  const vouching = divergent.filter((other) => holdsHistoryOf(first, other, known));
  return { kind: 'chosen', contender: best, passedOver, ahead, witnesses: eligible.length + vouching.length };
}

/** `one` has all of the cluster's history that `other` has, and it has some. */
function holdsHistoryOf(one: Contender, other: Contender, known: KnownHistory): boolean {
  const left = endsOf(known);
  // A promotion that was not recorded, but is accepted, goes on with what was.
  if (!left.has(one.timeline)) {
    for (const { timeline, endLsn } of one.history) left.set(timeline, endLsn);
    left.set(one.timeline, null);
  }
  const own = lineage(one);
  let isKin = false;
  for (const { timeline, endLsn } of lineage(other)) {
    const end = left.get(timeline);
    if (end === undefined) break;
    const shared = end !== null && end < endLsn ? end : endLsn;
    if (!own.some((each) => each.timeline === timeline && each.endLsn >= shared)) return false;
    isKin = true;
    if (end !== endLsn) break;
  }
  return isKin;
}

/** All timelines that its WAL is of, oldest first, and how far. */
function lineage({ timeline, history, lsn }: Contender): TimelineSwitch[] {
  return [...history, { timeline, endLsn: lsn }];
}

/** Where the recorded history left each timeline; the newest recorded one has no end. */
function endsOf({ timeline, history }: KnownHistory): Map<number, Lsn | null> {
  return new Map<number, Lsn | null>([...history.map((s): [number, Lsn] => [s.timeline, s.endLsn]), [timeline, null]]);
}

function order(a: Contender, b: Contender, prefer: string): number {
  if (a.timeline !== b.timeline) return b.timeline - a.timeline;
  if (a.lsn !== b.lsn) return a.lsn > b.lsn ? -1 : 1;
  if (a.instance === prefer) return -1;
  if (b.instance === prefer) return 1;
  if (a.priority !== b.priority) return b.priority - a.priority;
  return a.instance < b.instance ? -1 : 1;
}

function ineligible(contender: Contender, known: KnownHistory): string | null {
  if (contender.timeline === 0) return 'it has no data';
  const recorded = endsOf(known);
  if (recorded.has(contender.timeline)) {
    const end = recorded.get(contender.timeline);
    if (end !== null && end !== undefined && contender.lsn > end) {
      return `it diverged: it has WAL up to ${formatLsn(contender.lsn)} on timeline ${contender.timeline}, which the cluster left at ${formatLsn(end)}`;
    }
    return null;
  }
  const parent = contender.history.at(-1);
  if (known.unconfirmed && parent?.timeline === known.timeline) return null;
  return `its timeline ${contender.timeline} is not one that Howdah recorded`;
}

/** Among the contenders themselves: behind a newer timeline, but with WAL that the newer one doesn't contain. */
function divergence(contender: Contender, all: readonly Contender[]): string | null {
  for (const other of all) {
    const left = other.history.find((s) => s.timeline === contender.timeline);
    if (left && contender.lsn > left.endLsn) {
      return `it diverged: ${other.instance} left timeline ${left.timeline} at ${formatLsn(left.endLsn)}, before its ${formatLsn(contender.lsn)}`;
    }
  }
  return null;
}

function whyBehind(other: Contender, best: Contender, prefer: string): string {
  if (other.timeline !== best.timeline) return `it is on the older timeline ${other.timeline}`;
  if (other.lsn !== best.lsn) return `it is ${best.lsn - other.lsn} bytes behind ${best.instance}`;
  if (best.instance === prefer) return `it is level with ${best.instance}, which was asked for`;
  if (other.priority !== best.priority) return `it is level with ${best.instance}, which has a higher priority`;
  return `it is level with ${best.instance}, whose name sorts first`;
}

/** What a fenced standby can bring; null = its position can't be told (yet). */
export function contenderOf(report: InstanceReport, record: Pick<ClusterRecord, 'spec' | 'leaving'>): Contender | null {
  const { instance, timeline, history, postgres } = report;
  if (postgres.kind !== 'standby') return null;
  const lsn = maxLsn(postgres.receiveLsn, postgres.replayLsn);
  const { spec, leaving } = record;
  const priority = leaving.includes(instance) ? LEAVING_PRIORITY : tagsOf(spec, instance).priority;
  return { instance, timeline, history, lsn, barred: whyNoLeader(spec, instance), priority };
}
