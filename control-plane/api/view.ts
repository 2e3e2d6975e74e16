// What the API needs of the control plane: asked for here, given by the manager, faked in tests.
import type { ClusterRecord } from '../model/cluster-record.ts';
import type { ClusterSpec } from '../model/cluster-spec.ts';
import type { InstanceReport } from '../model/instance.ts';
import type { EventPage } from './event-schema.ts';
import type { Explanation } from './explain-schema.ts';
import type { ProxyConfig, ProxyStatus } from './proxy-schema.ts';

export type { EventPage } from './event-schema.ts';

export interface ControlPlaneView {
  clusters(): ClusterView[];
  cluster(name: string): ClusterView | undefined;
  /**
   * Creates the cluster or changes it to `spec`; resolves when that is stored.
   * @throws HowdahError `failed-precondition` for a change that a living cluster can't make, `conflict`, `unavailable`.
   */
  apply(spec: ClusterSpec): Promise<void>;
  /** Clusters whose agents report and that the store does not know, with their instances. */
  strangers(): { readonly cluster: string; readonly instances: readonly string[] }[];
  /**
   * Makes the record of such a cluster anew; with `dryRun` only tells what it would be.
   * @throws HowdahError `failed-precondition` with every reason in `problems`.
   */
  rebuild(spec: ClusterSpec, dryRun: boolean): Promise<RebuildResult>;
  /**
   * Changes how many instances a cluster has; resolves when that is stored.
   * @throws HowdahError `not-found`, `invalid-argument`, `failed-precondition` with everything that forbids it.
   */
  scale(name: string, request: ScaleRequest): Promise<ScaleResult>;
  /**
   * Moves the primary on purpose; resolves when the new primary takes writes. With `dryRun` nothing moves.
   * @throws HowdahError `not-found`, `failed-precondition` with every failed check in `problems`, `deadline-exceeded`.
   */
  switchover(name: string, request: SwitchoverRequest): Promise<SwitchoverResult>;
  /**
   * Answers in a sentence when what was asked for is stored; from then on it goes on by itself. What is so already is
   * no error.
   * @throws HowdahError `not-found`, `failed-precondition` with every reason in `problems`, `unavailable`.
   */
  request(name: string, request: OperatorRequest): Promise<string>;
  /** What `request` would answer or throw now; nothing is stored. */
  wouldRequest(name: string, request: OperatorRequest): Promise<string>;
  /** What happened after a cursor; when that is nothing, what happens within the wait. */
  events(request: EventRequest): Promise<EventPage>;
  /** What would happen if the primary died now. @throws HowdahError `not-found` */
  explain(name: string): Explanation;
  /** Those that are connected and those that should be, sorted by id. */
  proxies(): ProxyStatus[];
  /** Proxies that go on with an older configuration, because what they were to get next is wrong. */
  invalidProxies(): readonly InvalidProxy[];
  /** @param id a node id; one that is not connected has nothing */
  proxyConfig(id: string): ProxyConfig;
}

export interface RebuildResult {
  readonly name: string;
  readonly epoch: number;
  /** Who leads, one clause. */
  readonly how: string;
}

export interface ScaleRequest {
  /** 1 to 9. */
  readonly instances: number;
  /** Only check whether it could be done. */
  readonly dryRun?: boolean | undefined;
}

export interface ScaleResult {
  /** How many instances there were. */
  readonly from: number;
  readonly to: number;
  /** Instances that were not there before. */
  readonly joining: readonly string[];
  /** Instances that go one by one, those of an earlier change too. */
  readonly leaving: readonly string[];
}
export interface EventRequest {
  /** '' = of all clusters. */
  readonly cluster: string;
  /** '' = all that is kept. */
  readonly after: string;
  readonly waitMs: number;
}

/** What a person may ask of a cluster besides a switchover. */
export type OperatorRequest =
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  /** To `to`, '' = whoever has most. `acceptDataLoss`: also when acknowledged commits could be lost. */
  | { readonly kind: 'failover'; readonly to: string; readonly acceptDataLoss: boolean }
  /** One instance in its place. */
  | { readonly kind: 'restart'; readonly instance: string }
  /** All, one after another. */
  | { readonly kind: 'rolling-restart'; readonly why: string; readonly waitMs: number }
  | { readonly kind: 'reinit'; readonly instance: string }
  /** `force`: also when writes then wait for a standby. */
  | { readonly kind: 'fence'; readonly instance: string; readonly force: boolean }
  | { readonly kind: 'unfence'; readonly instance: string };

export interface SwitchoverRequest {
  /** The instance that shall lead; without it the fittest standby. */
  readonly to?: string | undefined;
  /** How long running transactions may go on before they are ended, in ms. */
  readonly waitMs?: number | undefined;
  /** Only check whether it could be done. */
  readonly dryRun?: boolean | undefined;
}

export interface SwitchoverResult {
  readonly from: string;
  readonly to: string;
  /** The epoch of `to`; of a dry run, the epoch that it would get. */
  readonly epoch: number;
  /** From the request to a new primary that takes writes; 0 for a dry run. */
  readonly durationMs: number;
  /** What was checked, one sentence each. */
  readonly checks: readonly string[];
}

/** One cluster as stored and as observed. */
export interface ClusterView {
  readonly record: ClusterRecord;
  /** Why the cluster is as it is: one sentence. */
  readonly reason: string;
  /** Version of the settings that each instance is to have, by name. */
  readonly settings: ReadonlyMap<string, string>;
  /** By instance name; an instance whose agent was never seen may be missing. */
  readonly instances: ReadonlyMap<string, InstanceView>;
}

export interface InvalidProxy {
  /** Envoy's node id. */
  readonly id: string;
  /** Everything that is wrong with it. */
  readonly reason: string;
}

export interface InstanceView {
  /** The agent's stream is up. */
  readonly connected: boolean;
  /** null = never reported to this control plane. */
  readonly lastReportAgoMs: number | null;
  readonly report: InstanceReport | null;
}
