/** What one proxy has of one type, resource by resource, for those who look: the API, CSDS. */
import { NOTHING, type NodeMemory, type Rejection } from './memory.ts';
import type { Resource, Resources } from './resource.ts';
import type { Snapshot } from './snapshot.ts';
import { includes, type Subscription } from './subscription.ts';
import type { TypeUrl } from './type-urls.ts';

/**
 * `synced`: the proxy acknowledged what it is to have. `sent`: it has not answered yet. `not-sent`: it waits for something
 * else, or there is no such resource. `refused`: the proxy said no, and `acked` goes on.
 */
export type ResourceState = 'synced' | 'sent' | 'not-sent' | 'refused';

export interface ResourceStatus {
  readonly name: string;
  readonly state: ResourceState;
  /** What the proxy is to have; undefined = nothing of that name. */
  readonly wanted: Resource | undefined;
  /** What it said it has; undefined = nothing of that name. */
  readonly acked: Resource | undefined;
}

export interface TypeContents {
  readonly type: TypeUrl;
  /** Sorted by name. */
  readonly resources: readonly ResourceStatus[];
  /** When something was last sent or acknowledged, wall clock, ms since 1970; null = never on this stream. */
  readonly sentAt: number | null;
  readonly ackedAt: number | null;
  /** Why some are refused; null = none is. */
  readonly rejection: Rejection | null;
}

export interface ContentsInput {
  readonly type: TypeUrl;
  readonly snapshot: Snapshot | undefined;
  readonly memory: NodeMemory;
  readonly subscription: Subscription;
  readonly sentAt: number | null;
  readonly ackedAt: number | null;
  /** Acknowledged on this stream; undefined = nothing yet, so what an earlier one had counts. */
  readonly known: Resources | undefined;
  /** What the proxy has once it accepts what is under way; undefined = nothing is. */
  readonly pending: Resources | undefined;
}

export function typeContents(input: ContentsInput): TypeContents {
  const { type, snapshot, memory, subscription, pending, sentAt, ackedAt } = input;
  const acked = input.known ?? memory.good(type);
  const offered = snapshot?.sets[type].resources ?? NOTHING;
  const names = new Set([...subscription.names, ...acked.keys()]);
  for (const name of offered.keys()) if (includes(subscription, name)) names.add(name);
  const resources = [...names].sort().map((name): ResourceStatus => {
    const wanted = includes(subscription, name) ? offered.get(name) : undefined;
    const has = acked.get(name);
    return { name, wanted, acked: has, state: stateOf(wanted, has, pending?.get(name), memory) };
  });
  return { type, resources, sentAt, ackedAt, rejection: memory.rejection(type) };
}

function stateOf(
  wanted: Resource | undefined,
  acked: Resource | undefined,
  pending: Resource | undefined,
  memory: NodeMemory,
): ResourceState {
  if (wanted && memory.isRefused(wanted)) return 'refused';
  // It is to go: until the proxy says that it has gone, it has more than it should.
  if (!wanted) return acked ? 'sent' : 'not-sent';
  if (acked?.version === wanted.version) return 'synced';
  return pending?.version === wanted.version ? 'sent' : 'not-sent';
}
