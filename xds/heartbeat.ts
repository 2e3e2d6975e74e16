/**
 * Resources with a time to live are spoken of again before it ends: at half of the shortest of their type.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#ttl
 */
import type { Resource, Resources } from './resource.ts';
import type { TypeState } from './type-state.ts';

/** After a response that leaves the proxy with these. */
export function scheduleHeartbeat(state: TypeState, resources: Resources, now: number): void {
  let shortest = Number.POSITIVE_INFINITY;
  for (const { ttlMs } of resources.values()) if (ttlMs > 0) shortest = Math.min(shortest, ttlMs);
  if (shortest === Number.POSITIVE_INFINITY) state.heartbeatAt = undefined;
  // What this response leaves out goes on living from the one before.
  else state.heartbeatAt = Math.min(state.heartbeatAt ?? Number.POSITIVE_INFINITY, now + shortest / 2);
}

/** Those whose time has come, and that no response is under way of: its answer comes first. */
export function* dueHeartbeats(states: Iterable<TypeState>, now: number): Iterable<TypeState> {
  for (const state of states) {
    if (state.heartbeatAt === undefined || state.heartbeatAt > now || state.unanswered) continue;
    state.heartbeatAt = undefined;
    scheduleHeartbeat(state, state.known ?? new Map(), now);
    if (state.heartbeatAt !== undefined) yield state;
  }
}

/** Monotonic; undefined = none is to come before something else happens. */
export function nextHeartbeat(states: Iterable<TypeState>): number | undefined {
  let next: number | undefined;
  for (const { heartbeatAt, unanswered } of states) {
    if (heartbeatAt === undefined || unanswered) continue;
    next = Math.min(next ?? heartbeatAt, heartbeatAt);
  }
  return next;
}

/** In state of the world of a type whose responses hold everything, what is left out would be gone: nothing is. */
export function heartbeatResources(known: Resources, holdsEverything: boolean): readonly Resource[] {
  return [...known.values()].filter(({ ttlMs }) => holdsEverything || ttlMs > 0);
}
