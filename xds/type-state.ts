/** What is known of one type on one stream: what the proxy asked for, has, and was sent. */
import { ghostOf } from './ghost.ts';
import type { Rejection } from './memory.ts';
import type { Resource, Resources } from './resource.ts';
import type { DeltaRequest, SotwRequest, TypeStatus, Unanswered, VersionMark } from './session-types.ts';
import type { Snapshot } from './snapshot.ts';
import { includes, isWithin, type Subscription, subscribe, subscribeDelta, WILDCARD } from './subscription.ts';
import { type ResourceType, TYPES, type TypeUrl } from './type-urls.ts';

const NO_NAMES: ReadonlySet<string> = new Set();

export class TypeState {
  readonly type: ResourceType;
  /** undefined = the proxy did not ask yet. */
  subscription: Subscription | undefined;
  /** Wall clock, ms since 1970. */
  requestedAt = 0;
  nonce = '';
  /** The version with which the proxy came to this stream; state of the world only. */
  claimed = '';
  unanswered: Unanswered | undefined;
  /** What the proxy acknowledged on this stream, or brought to it; undefined = nothing yet. */
  known: Resources | undefined;
  /** Names of which it is open what the proxy has: a response about them was refused, or overtaken by the next. */
  uncertain: ReadonlySet<string> = NO_NAMES;
  /** Names that go out though unchanged. */
  due: ReadonlySet<string> = NO_NAMES;
  /** A response goes out even if it is empty. */
  owed = false;
  sent: VersionMark | null = null;
  acked: VersionMark | null = null;
  /** When the first change was published that went out in no response yet, monotonic. */
  publishedAt: number | undefined;
  /** When the next heartbeat is due, monotonic. */
  heartbeatAt: number | undefined;
  #hasGhosts = false;

  constructor(type: TypeUrl) {
    this.type = TYPES[type];
  }

  /** @param offered version of the snapshot's set */
  status(offered: string | undefined, nacked: Rejection | null): TypeStatus {
    const { requestedAt, unanswered, sent, acked } = this;
    const behind = unanswered !== undefined && offered !== unanswered.setVersion;
    return { type: this.type.typeUrl, requestedAt, pending: unanswered !== undefined, behind, sent, acked, nacked };
  }

  subscribe({ names, version }: SotwRequest): void {
    const before = this.subscription;
    const after = subscribe(this.type.typeUrl, before, names);
    this.subscription = after;
    if (!before) {
      this.claimed = version;
      this.owed = this.type.fullState || after.wildcard;
    } else if (after !== before) {
      this.#forgetDropped(after);
      // What a response of this type leaves out does not exist: the proxy waits for no timeout to know it.
      this.owed ||= this.type.fullState && !isWithin(after.names, before.names);
    }
  }

  /** @param good what the proxy is known to have had on an earlier stream */
  subscribeDelta(request: DeltaRequest, good: Resources, uncertain: readonly Resource[]): void {
    const { subscribe: added, unsubscribe: dropped, initialVersions } = request;
    const before = this.subscription;
    const after = subscribeDelta(this.type.typeUrl, before, added, dropped);
    this.subscription = after;
    const due = new Set(this.due);
    if (!before) {
      this.owed = after.wildcard && initialVersions.size === 0;
      for (const name of after.names) if (!initialVersions.has(name)) due.add(name);
      if (initialVersions.size > 0) this.#bring(initialVersions, good);
      if (uncertain.length > 0) this.uncertain = new Set(uncertain.map(({ name }) => name));
    } else if (added.length > 0 || dropped.length > 0) {
      for (const name of added) if (name !== WILDCARD) due.add(name);
      this.owed ||= added.includes(WILDCARD);
      // Whether it still has the resource, because of the wildcard, the proxy must be told.
      for (const name of dropped) if (after.wildcard && before.names.has(name)) due.add(name);
    }
    this.due = due.size > 0 ? due : NO_NAMES;
    if (after !== before) this.#forgetDropped(after);
  }

  /** What the proxy brought is known by its version; what it holds, only if somebody still has it. */
  resolveGhosts(snapshot: Snapshot): void {
    if (!this.#hasGhosts || !this.known) return;
    const offered = snapshot.sets[this.type.typeUrl].resources;
    const resolved = new Map(this.known);
    for (const [name, { version }] of this.known) {
      const resource = offered.get(name);
      if (resource?.version === version) resolved.set(name, resource);
    }
    this.known = resolved;
    this.#hasGhosts = false;
  }

  accepted({ after }: Unanswered): void {
    this.known = after;
    this.uncertain = NO_NAMES;
    if (this.subscription) this.#forgetDropped(this.subscription);
  }

  /** Some of what is under way, or was refused, may be in force. */
  doubt({ push, after }: Unanswered): void {
    if (push.heartbeat) return;
    const uncertain = new Set([...this.uncertain, ...push.removed]);
    for (const { name } of push.resources) uncertain.add(name);
    if (this.type.fullState) for (const name of this.known?.keys() ?? []) if (!after.has(name)) uncertain.add(name);
    this.uncertain = uncertain;
  }

  /** Of those refused just now: what the proxy did not have before. It does not have it now either. */
  absentOf(refused: readonly Resource[]): Resource[] {
    return refused.filter(({ name }) => !this.known?.has(name) && !this.uncertain.has(name));
  }

  settle(certain: readonly Resource[]): void {
    if (certain.length === 0) return;
    const uncertain = new Set(this.uncertain);
    for (const { name } of certain) uncertain.delete(name);
    this.uncertain = uncertain.size > 0 ? uncertain : NO_NAMES;
  }

  addDue(name: string): void {
    if (!this.due.has(name)) this.due = new Set([...this.due, name]);
  }

  settleDue(open: readonly string[]): void {
    this.due = open.length === 0 ? NO_NAMES : new Set(open);
    this.owed = false;
  }

  #bring(versions: ReadonlyMap<string, string>, good: Resources): void {
    const known = new Map<string, Resource>();
    for (const [name, version] of versions) {
      const last = good.get(name);
      known.set(name, last?.version === version ? last : ghostOf(this.type.typeUrl, name, version));
    }
    this.known = known;
    this.#hasGhosts = true;
  }

  /** A proxy forgets what it no longer asks for; when it asks again it needs it again. */
  #forgetDropped(subscription: Subscription): void {
    if (subscription.wildcard) return;
    const isKept = (name: string) => includes(subscription, name);
    if (this.known && ![...this.known.keys()].every(isKept)) {
      this.known = new Map([...this.known].filter(([name]) => isKept(name)));
    }
    if (this.uncertain.size > 0) this.uncertain = new Set([...this.uncertain].filter(isKept));
    if (this.due.size > 0) this.due = new Set([...this.due].filter(isKept));
  }
}
