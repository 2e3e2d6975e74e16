/**
 * Who leads the next epoch. Compares only what was promised to it: positions that can't grow any more. Never looks at
 * what the lost primary last reported.
 */
import type { InstanceReport, TimelineSwitch } from '../model/instance.ts';
import { formatLsn, type Lsn, maxLsn } from '../model/lsn.ts';

/** A fenced instance and what it holds. */
export interface Contender {
  readonly instance: string;
  readonly timeline: number;
  readonly history: readonly TimelineSwitch[];
  /** max(receive, replay): after a restart `receive` is only the start of a segment. */
  readonly lsn: Lsn;
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
  | { readonly kind: 'chosen'; readonly contender: Contender; readonly passedOver: readonly PassedOver[] }
  | { readonly kind: 'none'; readonly passedOver: readonly PassedOver[] };

export interface PassedOver {
  readonly instance: string;
  /** One clause: why it does not lead. */
  readonly why: string;
}

/** Highest timeline, then highest LSN, then `prefer`, then the name that sorts first. Divergent ones never lead. */
export function chooseCandidate(contenders: readonly Contender[], known: KnownHistory, prefer: string): Choice {
  const passedOver: PassedOver[] = [];
  const eligible: Contender[] = [];
  for (const contender of contenders) {
    const why = ineligible(contender, known) ?? divergence(contender, contenders);
    if (why) passedOver.push({ instance: contender.instance, why });
    else eligible.push(contender);
  }
  const [best, ...others] = eligible.sort((a, b) => order(a, b, prefer));
  if (!best) return { kind: 'none', passedOver };
  for (const other of others) passedOver.push({ instance: other.instance, why: whyBehind(other, best, prefer) });
  return { kind: 'chosen', contender: best, passedOver };
}

function order(a: Contender, b: Contender, prefer: string): number {
  if (a.timeline !== b.timeline) return b.timeline - a.timeline;
  if (a.lsn !== b.lsn) return a.lsn > b.lsn ? -1 : 1;
  if (a.instance === prefer) return -1;
  if (b.instance === prefer) return 1;
  return a.instance < b.instance ? -1 : 1;
}

function ineligible(contender: Contender, known: KnownHistory): string | null {
  if (contender.timeline === 0) return 'it has no data';
  // Where the recorded history left each timeline; the newest recorded one has no end.
  const recorded = new Map<number, Lsn | null>([
    ...known.history.map((s): [number, Lsn] => [s.timeline, s.endLsn]),
    [known.timeline, null],
  ]);
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
  return `it is level with ${best.instance}, whose name sorts first`;
}

/** What a fenced standby can bring; null = its position can't be told (yet). */
export function contenderOf(report: InstanceReport): Contender | null {
  const { instance, timeline, history, postgres } = report;
  if (postgres.kind !== 'standby') return null;
  return { instance, timeline, history, lsn: maxLsn(postgres.receiveLsn, postgres.replayLsn) };
}
