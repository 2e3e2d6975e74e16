/**
 * How long a primary may go on without hearing that it still leads. Two things renew its lease, each at the moment
 * from which it is certain, never at the moment when the news came:
 * - the control plane's word that a report of ours, or an answer when it knocked, arrived: from when that was sent;
 * - so many voters that stream from us that no promise quorum is left for anybody else: from before they were looked at.
 * A pure state machine: the time comes in as monotonic ms.
 */
import type { LeadGoal } from '../control-plane/model/goal.ts';
import { nthGreatest } from '../control-plane/model/nth-greatest.ts';

/** The part of the lease after which the agent stops its primary: the rest is for stopping it. */
const USED_SHARE = 0.8;
/** Until the control plane told its own: FailoverSpec.leaseMs. */
const DEFAULT_LEASE_MS = 5000;
/** Reports, and answers, that may be unanswered at a time; older ones renew nothing. */
const REMEMBERED = 64;

export class Lease {
  #leaseMs = DEFAULT_LEASE_MS;
  #renewedAt = Number.NEGATIVE_INFINITY;
  readonly #sentAt = new Map<number, number>();
  /** Of answers to knocks, by stamp. */
  readonly #stampedAt = new Map<string, number>();
  /** By standby: its last reply as PostgreSQL shows it, and when that one was certain to have come after. */
  readonly #heard = new Map<string, { readonly reply: string; readonly since: number }>();
  #lookedAt = Number.NEGATIVE_INFINITY;

  sent(seq: number, now: number): void {
    remember(this.#sentAt, seq, now);
  }

  acknowledged(seq: number, leaseMs: number): void {
    this.#leaseMs = leaseMs;
    this.#renewedAt = Math.max(this.#renewedAt, this.#sentAt.get(seq) ?? Number.NEGATIVE_INFINITY);
    for (const earlier of this.#sentAt.keys()) if (earlier <= seq) this.#sentAt.delete(earlier);
  }

  /** The control plane knocked, and is answered with this stamp. */
  stamped(stamp: string, now: number): void {
    remember(this.#stampedAt, stamp, now);
  }

  /** It says that the answer with the stamp reached it. */
  heard(stamp: string, leaseMs: number): void {
    const at = this.#stampedAt.get(stamp);
    if (at === undefined) return;
    this.#leaseMs = leaseMs;
    this.#renewedAt = Math.max(this.#renewedAt, at);
  }

  /** @param replies by standby: a text that changes with each reply that PostgreSQL got from it. */
  looked(goal: LeadGoal, replies: Readonly<Record<string, string>>, now: number): void {
    for (const name of this.#heard.keys()) if (!(name in replies)) this.#heard.delete(name);
    for (const [name, reply] of Object.entries(replies)) {
      // It came some time after we looked last.
      if (this.#heard.get(name)?.reply !== reply) this.#heard.set(name, { reply, since: this.#lookedAt });
    }
    this.#lookedAt = now;
    this.#renewedAt = Math.max(this.#renewedAt, this.#votersSince(goal));
  }

  /** Nobody else can lead this cluster before `USED_SHARE` of the lease is over. */
  held(goal: LeadGoal, now: number): boolean {
    return this.leftMs(goal, now) > 0;
  }

  /** Until the primary has to stop if nothing renews the lease; 0 or less: it has to now. */
  leftMs({ members }: LeadGoal, now: number): number {
    // A cluster of one has nobody who could take over.
    if (members.length === 0) return Number.POSITIVE_INFINITY;
    return this.#renewedAt + this.#leaseMs * USED_SHARE - now;
  }

  /**
   * The latest moment at which enough voters streamed at once. k of them leave no promise quorum; where nobody waits
   * for standbys any one member can be promoted, so it takes all of them.
   */
  #votersSince({ sync, members }: LeadGoal): number {
    const [voters, enough] = sync.k > 0 ? [sync.voters, sync.k] : [members, members.length];
    const since = voters.map((name) => this.#heard.get(name)?.since ?? Number.NEGATIVE_INFINITY);
    return nthGreatest(since, enough) ?? Number.NEGATIVE_INFINITY;
  }
}

function remember<Key>(times: Map<Key, number>, key: Key, now: number): void {
  times.set(key, now);
  const oldest = times.keys().next().value;
  if (times.size > REMEMBERED && oldest !== undefined) times.delete(oldest);
}
