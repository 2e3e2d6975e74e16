/**
 * Is the primary gone? Answers from what its agent says, from what the voters see and from what knocking at its door
 * tells, never from silence alone while enough voters still stream from it.
 */
import { memberNames } from '../model/cluster-record.ts';
import { promiseQuorum } from '../model/sync.ts';
import { type ClusterState, type Knocks, liveReport, observed } from './state.ts';

/** While the primary's link is down, voters that still seem to stream are asked again this often, ms. */
const ASK_EVERY_MS = 20;
const ASK_SLOWLY_MS = 100;
/** While the primary's agent says nothing it is knocked at this often, ms; a second after the last news more slowly. */
const KNOCK_EVERY_MS = 20;
const KNOCK_SLOWLY_MS = 200;
/** ... and while it answers. */
const KNOCK_ANSWERED_MS = 100;
const KNOCK_ANSWERED_FOR_MS = 300;
const KNOCK_FAST_FOR_MS = 1_000;
/**
 * So long nothing is answered before silence counts, ms. Over a line that takes 200 ms there and back an answer takes
 * twice that, so of these 50 knocks 30 can be answered in time; where a fifth of all packets is lost, 2 of 5 are.
 */
export const KNOCKING_MS = 1_000;
/** Knocking begins after this share of suspectAfter. */
const KNOCK_FROM_SHARE = 0.75;
/** An agent that hangs on a machine that is well is given up after this many times suspectAfter. */
const HANGS_FACTOR = 3;
/** A control plane that just started waits this long for an agent that it has never seen, ms. */
export const FIRST_CONTACT_MS = 10_000;

export type Suspicion =
  /** It is knocked at a little before its silence counts, so that nothing is waited for then. */
  | { readonly kind: 'well'; readonly knock: boolean; readonly wakeAt: number | null }
  /** PostgreSQL is on its way or its agent works on it. */
  | { readonly kind: 'starting'; readonly why: string }
  /** Its agent says that PostgreSQL doesn't run. */
  | { readonly kind: 'stopped'; readonly why: string; readonly coldStart: boolean }
  /** No word from its agent, but nothing proves that it is gone. */
  | {
      readonly kind: 'waiting';
      readonly why: string;
      readonly ask: readonly string[];
      /** It is to be knocked at now. */
      readonly knock: boolean;
      readonly wakeAt: number | null;
    }
  /** `proven`: its process ended, and it is not merely out of reach. */
  | { readonly kind: 'gone'; readonly why: string; readonly proven: boolean };

export function suspect(state: ClusterState, primary: string, now: number): Suspicion {
  const { link, report, reportAt } = observed(state, primary);
  const { suspectAfterMs } = state.record.spec.failover;
  if (link.kind === 'up') {
    const heardAt = Math.max(reportAt, link.since);
    const silence = now - heardAt;
    if (silence >= suspectAfterMs) return silent(state, primary, now, heardAt, true);
    if (!report) return { kind: 'starting', why: `the agent of ${primary} has just connected` };
    const suspicion = fromReport(state, primary, now);
    return suspicion.kind === 'well' ? well(state, primary, now, silence) : suspicion;
  }
  if (link.kind === 'down') return silent(state, primary, now, link.since, false);
  return neverSeen(state, primary, now);
}

function well(state: ClusterState, primary: string, now: number, silence: number): Suspicion {
  const early = KNOCK_FROM_SHARE * state.record.spec.failover.suspectAfterMs - silence;
  if (early > 0) return { kind: 'well', knock: false, wakeAt: now + early };
  const { at } = observed(state, primary).knocks;
  return { kind: 'well', knock: now - at >= KNOCK_EVERY_MS, wakeAt: now + KNOCK_EVERY_MS };
}

function fromReport(state: ClusterState, primary: string, now: number): Suspicion {
  const report = liveReport(state, primary)!;
  switch (report.postgres.kind) {
    case 'primary':
      return { kind: 'well', knock: false, wakeAt: null };
    case 'unresponsive':
      return frozen(state, primary, now);
    case 'starting':
    case 'creating':
      return { kind: 'starting', why: `PostgreSQL of ${primary} is starting` };
    case 'absent':
      return { kind: 'stopped', why: `${primary} has no data directory any more`, coldStart: false };
    case 'standby':
      // Only a promotion that is under way, or a hand that changed it, shows a primary in recovery.
      return { kind: 'starting', why: `${primary} is in recovery` };
    case 'stopped': {
      const { how } = report.postgres;
      // At a cold start nobody runs: the old primary goes on in its epoch, nothing has to be decided.
      const coldStart = how === 'boot' && !wasAlive(state) && !observed(state, primary).hasRun;
      return {
        kind: 'stopped',
        why: how === 'crashed' ? `PostgreSQL of ${primary} died` : `PostgreSQL of ${primary} is stopped`,
        coldStart,
      };
    }
  }
}

/** Its agent is there, PostgreSQL doesn't answer: as silent as one that was cut off. */
function frozen(state: ClusterState, primary: string, now: number): Suspicion {
  const why = `PostgreSQL of ${primary} does not answer`;
  const { here, streaming } = voters(state, primary);
  if (streaming.length < Math.max(1, state.record.sync.k))
    return { kind: 'gone', why: `${why} and fewer than k standbys receive WAL from it`, proven: false };
  const ask = here.filter((name) => now - observed(state, name).askedAt >= ASK_SLOWLY_MS);
  return { kind: 'waiting', why, ask, knock: false, wakeAt: now + ASK_SLOWLY_MS };
}

/** The voters that can be asked, and those of them that receive WAL, as they last said. */
function voters(state: ClusterState, primary: string): { here: string[]; streaming: string[] } {
  const { spec, sync } = state.record;
  // Where commits wait for nobody, whoever is there could take over.
  const names = spec.durability.mode === 'async' ? memberNames(state.record) : sync.voters;
  const here = names.filter((name) => name !== primary && liveReport(state, name) !== null);
  const streaming = here.filter((name) => {
    const postgres = liveReport(state, name)!.postgres;
    return postgres.kind === 'standby' && postgres.streaming;
  });
  return { here, streaming };
}

/** The cluster was alive when this control plane began: not merely by what it started itself. */
function wasAlive(state: ClusterState): boolean {
  return Object.values(state.instances).some(({ foundRunning }) => foundRunning === true);
}

/** No word on its stream since `since`: what do the voters see, and does it answer when one knocks? */
function silent(state: ClusterState, primary: string, now: number, since: number, linkUp: boolean): Suspicion {
  const { sync, spec } = state.record;
  const { suspectAfterMs } = spec.failover;
  const { reportAt, knocks } = observed(state, primary);
  const { here, streaming } = voters(state, primary);
  const fresh = here.filter((name) => observed(state, name).reportAt > since);
  const isLeft = here.length >= promiseQuorum(sync) && fresh.length === here.length && streaming.length === 0;
  const lost = linkUp ? `the agent of ${primary} says nothing` : `the agent of ${primary} is gone`;
  const isUnanswered = knocks.since !== null && now - knocks.since >= KNOCKING_MS;
  if (!linkUp && isLeft) {
    const why = `${lost} and no standby receives WAL from it`;
    if (knocks.refusedAt >= since) return { kind: 'gone', why, proven: true };
    const silence = now - Math.max(reportAt, knocks.answeredAt);
    if (isUnanswered && silence >= suspectAfterMs) return { kind: 'gone', why, proven: false };
  }
  const elapsed = now - Math.max(since, knocks.answeredAt);
  if (elapsed < suspectAfterMs)
    return waiting(state, primary, now, { why: lost, here: linkUp ? [] : here, every: ASK_EVERY_MS });
  if (streaming.length >= Math.max(1, sync.k)) {
    const silence = now - Math.max(linkUp ? since : reportAt, knocks.answeredAt, state.observedSince);
    if (isUnanswered && agentHangs(state, primary, now, silence)) {
      const why = `the agent of ${primary} has answered nobody for ${Math.round(silence)} ms, on a machine that takes connections`;
      return { kind: 'gone', why, proven: false };
    }
    const why = `${lost}, but ${streaming.join(', ')} still receive${streaming.length === 1 ? 's' : ''} WAL from it`;
    // Their WAL receivers give a frozen primary up some time later: that is to be heard at once.
    return waiting(state, primary, now, { why, here, every: ASK_SLOWLY_MS });
  }
  const why = `${lost} for ${Math.round(elapsed)} ms and fewer than k standbys receive WAL from it`;
  if (!isUnanswered) return waiting(state, primary, now, { why, here, every: ASK_SLOWLY_MS });
  return { kind: 'gone', why, proven: false };
}

/**
 * Not silence alone: the network is well, and its kernel answers in the place of an agent that doesn't. Proxies, which
 * ask the agent, have cut the clients off since, so nothing is gained by waiting. Where commits wait for no standby
 * such an agent can't end its PostgreSQL, and a second primary would acknowledge beside it.
 */
function agentHangs(state: ClusterState, primary: string, now: number, silentMs: number): boolean {
  const { sync, spec } = state.record;
  const { takenSince, takenAt } = observed(state, primary).knocks;
  const { suspectAfterMs } = spec.failover;
  // A line that has just come back takes a connection first, and brings an answer later.
  const isThere = takenSince !== null && now - takenSince >= suspectAfterMs && now - takenAt < suspectAfterMs;
  return sync.k > 0 && isThere && silentMs >= HANGS_FACTOR * suspectAfterMs;
}

/** The voters are asked again, and the primary is knocked at, at a measured pace. */
function waiting(
  state: ClusterState,
  primary: string,
  now: number,
  { why, here, every }: { readonly why: string; readonly here: readonly string[]; readonly every: number },
): Suspicion {
  const { knocks } = observed(state, primary);
  const knockEvery = knockEveryMs(knocks, now);
  const ask = here.filter((name) => now - observed(state, name).askedAt >= every);
  const wakeAt = now + Math.min(every, knockEvery);
  return { kind: 'waiting', why, ask, knock: now - knocks.at >= knockEvery, wakeAt };
}

function knockEveryMs({ since, takenSince, answeredAt }: Knocks, now: number): number {
  if (now - answeredAt < KNOCK_ANSWERED_FOR_MS) return KNOCK_ANSWERED_MS;
  const news = Math.max(since ?? now, takenSince ?? Number.NEGATIVE_INFINITY);
  return now - news >= KNOCK_FAST_FOR_MS ? KNOCK_SLOWLY_MS : KNOCK_EVERY_MS;
}

function waitingFor(why: string, wakeAt: number): Suspicion {
  return { kind: 'waiting', why, ask: [], knock: false, wakeAt };
}

function neverSeen(state: ClusterState, primary: string, now: number): Suspicion {
  // Running standbys mean that the cluster was alive when this control plane began: the ordinary limit holds.
  const limit = wasAlive(state) ? state.record.spec.failover.suspectAfterMs : FIRST_CONTACT_MS;
  const until = state.observedSince + limit;
  if (now < until) return waitingFor(`the agent of ${primary} has not connected yet`, until);
  return silent(state, primary, now, state.observedSince, false);
}
