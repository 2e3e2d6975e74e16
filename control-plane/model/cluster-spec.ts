/**
 * What a user asks for: the `spec` of a PostgresCluster document with every default filled in.
 * The document's schema and its validation are in control-plane/api/document.
 */
export interface ClusterSpec {
  /** metadata.name: a DNS label of at most 40 characters. */
  readonly name: string;
  /** How many instances, named `NAME-1` to `NAME-n`. Default 3, 1 to 9. */
  readonly instances: number;
  readonly postgres: PostgresSpec;
  readonly durability: DurabilitySpec;
  readonly routes: RoutesSpec;
  readonly failover: FailoverSpec;
  /** What is special about single instances, by name; most have nothing. */
  readonly tags: Readonly<Record<string, InstanceTags>>;
}

export interface PostgresSpec {
  /** Settings for postgresql.conf. Those that Howdah owns are refused (OWNED_PARAMETERS). */
  readonly parameters: Readonly<Record<string, string>>;
  /** `trust`: whoever reaches a route on loopback is believed. `scram`: passwords. Default `trust`. */
  readonly auth: 'trust' | 'scram';
}

export interface DurabilitySpec {
  /**
   * `strict`: a commit is acknowledged when `quorum` standbys flushed it, and waits as long as that takes.
   * `available`: the same, but goes on without standbys when none is left.
   * `async`: never waits; a failover may lose the last commits.
   * Default `strict`, for a cluster of one `async`.
   */
  readonly mode: 'strict' | 'available' | 'async';
  /** k: how many standbys must have flushed a commit. Default 1; less than `instances`; 0 with `async`. */
  readonly quorum: number;
}

export interface RouteSpec {
  /** TCP port on the local host, 1024 to 65535; 0 = a free one is chosen and kept. Default 0. */
  readonly port: number;
}

export interface ReadRouteSpec extends RouteSpec {
  /** A standby further behind than this many bytes of WAL gets no reads. Default 16 MiB. */
  readonly maxLagBytes: number;
  /** Where reads go while no standby is fit: to the primary, or nowhere. Default `primary`. */
  readonly fallback: 'primary' | 'none';
}

export interface RoutesSpec {
  readonly rw: RouteSpec;
  readonly ro: ReadRouteSpec;
  readonly any: RouteSpec;
}

export interface FailoverSpec {
  /** False: Howdah never fails over by itself. Default true. */
  readonly automatic: boolean;
  /** Silence of the primary before it is suspected, in ms. Default 1000; 200 to 60000. */
  readonly suspectAfterMs: number;
  /**
   * After a failover because of silence the next one because of silence waits this long, in ms: a network that comes
   * and goes must not move the primary each time. A primary that is known to be dead waits for nothing. Default 60000;
   * 0 to 3600000.
   */
  readonly restAfterSilenceMs: number;
  /** Lease of the primary for stale reads and asynchronous clusters, in ms. Default 5000; 1000 to 60000. */
  readonly leaseMs: number;
}

export interface InstanceTags {
  /** It never becomes primary by a failover or a switchover; it votes all the same. Default false. */
  readonly noFailover: boolean;
  /** Among equals the higher one leads. Default 0; 0 to 100. */
  readonly priority: number;
  /** It replays WAL this much later, in ms. With a delay it neither votes nor leads. Default 0; at most 7 days. */
  readonly applyDelayMs: number;
  /** Another instance that it streams from, instead of the primary; it doesn't vote then. Default '': the primary. */
  readonly replicateFrom: string;
  /** ro may send reads to it. Default true, false with a delay. */
  readonly reads: boolean;
}

const NO_TAGS: InstanceTags = { noFailover: false, priority: 0, applyDelayMs: 0, replicateFrom: '', reads: true };

export function tagsOf({ tags }: Pick<ClusterSpec, 'tags'>, instance: string): InstanceTags {
  return Object.hasOwn(tags, instance) ? tags[instance]! : NO_TAGS;
}

/** Commits may wait for it. What a delayed one holds can't be told while it hasn't replayed it. */
export function mayVote(spec: Pick<ClusterSpec, 'tags'>, instance: string): boolean {
  const { applyDelayMs, replicateFrom } = tagsOf(spec, instance);
  return applyDelayMs === 0 && replicateFrom === '';
}

/** Why it may not become primary, as a clause; null = it may. */
export function whyNoLeader(spec: Pick<ClusterSpec, 'tags'>, instance: string): string | null {
  const { applyDelayMs, noFailover } = tagsOf(spec, instance);
  if (noFailover) return 'its tag noFailover forbids it to lead';
  return applyDelayMs > 0 ? 'it replays with a delay' : null;
}

/** By spec: they are asked for at every step of a cluster. */
const names = new WeakMap<object, readonly string[]>();

/** Names of a cluster's instances, in order. */
export function instanceNames(spec: Pick<ClusterSpec, 'name' | 'instances'>): readonly string[] {
  let found = names.get(spec);
  if (!found) {
    found = Array.from({ length: spec.instances }, (_, index) => `${spec.name}-${index + 1}`);
    names.set(spec, found);
  }
  return found;
}
