/**
 * What each node is to have, and what it refused. Nodes of one group share a snapshot. A change is told to the streams
 * that asked for what changed, and to no other.
 */
import type { JsonObject } from '../proto/json.ts';
import { nameOf, type ResourceInput } from './encode-resource.ts';
import { NodeMemory } from './memory.ts';
import { changeSnapshot, EMPTY_SNAPSHOT, type Snapshot, sameContent } from './snapshot.ts';
import { type Subscriber, Subscribers } from './subscribers.ts';
import type { Subscription } from './subscription.ts';
import { type TypeKey, type TypeUrl, typeOfKey } from './type-urls.ts';

/** A stream of a node. */
export interface CacheMember extends Subscriber {
  /** Something that it asked for may have changed. */
  onSnapshot(snapshot: Snapshot): void;
}

/** A stream's part in its node. */
export interface Membership {
  /** What the node is to have now; undefined = not known. */
  readonly snapshot: Snapshot | undefined;
  /** Shared by all streams of the node, and kept from one to the next for as long as its group has a snapshot. */
  readonly memory: NodeMemory;
  /** The member's subscription is another now. */
  subscribed(type: TypeUrl, before: Subscription | undefined, after: Subscription): void;
  leave(): void;
}

export interface CacheOptions {
  /**
   * The key of a node's snapshot, from the envoy.config.core.v3.Node that it told; nodes of the same key share one.
   * Default: the node's id.
   */
  readonly group?: (node: JsonObject) => string;
}

export interface ResourceChanges {
  /** Added, or in place of those of the same name. */
  readonly set?: readonly ResourceInput[];
  /** By name; a name that is not there is none to remove. */
  readonly remove?: readonly string[];
}

interface Group {
  snapshot: Snapshot | undefined;
  readonly members: Subscribers<CacheMember>;
}

/** What a batch does to one key so far. */
interface Pending {
  readonly base: Snapshot;
  /** By type and name; undefined = removed. */
  readonly changes: Map<TypeKey, Map<string, ResourceInput | undefined>>;
}

function apply({ base, changes }: Pending): Snapshot {
  const set: Partial<Record<TypeKey, ResourceInput[]>> = {};
  const removed: Partial<Record<TypeKey, string[]>> = {};
  for (const [type, byName] of changes) {
    set[type] = [...byName.values()].filter((input) => input !== undefined);
    removed[type] = [...byName].filter(([, input]) => input === undefined).map(([name]) => name);
  }
  return changeSnapshot(base, set, removed);
}

interface NodeRecord {
  readonly memory: NodeMemory;
  key: string;
  streams: number;
}

/** What is remembered of nodes without a stream, the latest ones: where names of nodes never come back, they would pile up. */
const DEPARTED_MOST = 65_536;

export class SnapshotCache {
  readonly #groupOf: (node: JsonObject) => string;
  readonly #groups = new Map<string, Group>();
  readonly #nodes = new Map<string, NodeRecord>();
  readonly #departed = new Set<string>();
  /** By key; undefined outside of a batch. */
  #batch: Map<string, Pending> | undefined;

  constructor({ group }: CacheOptions = {}) {
    this.#groupOf = group ?? (({ id }) => (typeof id === 'string' ? id : ''));
  }

  /** The same content again tells nobody. */
  set(key: string, snapshot: Snapshot): void {
    if (this.#batch) {
      this.#batch.set(key, { base: snapshot, changes: new Map() });
      return;
    }
    const group = this.#groups.get(key) ?? this.#newGroup(key);
    const before = group.snapshot;
    if (before && sameContent(before.sets, snapshot.sets)) return;
    group.snapshot = snapshot;
    for (const member of group.members.affected(before?.sets, snapshot.sets)) member.onSnapshot(snapshot);
  }

  /**
   * Adds, replaces and removes single resources of a type; of a key that has no snapshot, to an empty one.
   * @throws InvalidSnapshot as buildSnapshot does; nothing is changed then
   */
  update(key: string, type: TypeKey, { set = [], remove = [] }: ResourceChanges): void {
    const before = this.get(key);
    if (this.#batch) {
      const pending = this.#batch.get(key) ?? { base: before ?? EMPTY_SNAPSHOT, changes: new Map() };
      const changes = pending.changes.get(type) ?? new Map<string, ResourceInput | undefined>();
      for (const name of remove) changes.set(name, undefined);
      for (const input of set) changes.set(nameOf(typeOfKey(type), input), input);
      pending.changes.set(type, changes);
      this.#batch.set(key, pending);
      return;
    }
    const changed = changeSnapshot(before ?? EMPTY_SNAPSHOT, { [type]: set }, { [type]: remove });
    if (changed !== before) this.set(key, changed);
  }

  /**
   * What `action` sets and updates goes out at its end, at most one push for each type of each proxy. What is there at
   * the end counts, so that resources that need each other can come in any order; until then `get` answers what was
   * before. If it throws, nothing of it goes out.
   * @throws InvalidSnapshot as buildSnapshot does; nothing is changed then
   */
  batch<T>(action: () => T): T {
    if (this.#batch) return action();
    const made = new Map<string, Pending>();
    this.#batch = made;
    let result: T;
    try {
      result = action();
    } finally {
      this.#batch = undefined;
    }
    // All are made before any is told.
    const snapshots = [...made].map(([key, pending]) => [key, apply(pending)] as const);
    for (const [key, snapshot] of snapshots) this.set(key, snapshot);
    return result;
  }

  /** Connected proxies keep what they have. */
  delete(key: string): void {
    this.#batch?.delete(key);
    const group = this.#groups.get(key);
    if (!group) return;
    group.snapshot = undefined;
    this.#dropIfUnused(key, group);
    for (const node of this.#departed) if (this.#nodes.get(node)?.key === key) this.#forget(node);
  }

  get(key: string): Snapshot | undefined {
    return this.#groups.get(key)?.snapshot;
  }

  /** Keys that have a snapshot or a stream. */
  get size(): number {
    return this.#groups.size;
  }

  /**
   * Tells `member` of each change from now on.
   * @param node its id
   * @param details the envoy.config.core.v3.Node
   */
  join(node: string, details: JsonObject, member: CacheMember): Membership {
    const key = this.#groupOf(details);
    const group = this.#groups.get(key) ?? this.#newGroup(key);
    const record = this.#arrive(node, key);
    group.members.add(member);
    return {
      get snapshot() {
        return group.snapshot;
      },
      memory: record.memory,
      subscribed: (type, before, after) => group.members.changed(member, type, before, after),
      leave: () => {
        group.members.delete(member);
        this.#dropIfUnused(key, group);
        this.#leave(node, record);
      },
    };
  }

  #newGroup(key: string): Group {
    const group: Group = { snapshot: undefined, members: new Subscribers() };
    this.#groups.set(key, group);
    return group;
  }

  #dropIfUnused(key: string, group: Group): void {
    const used = group.snapshot !== undefined || group.members.size > 0;
    if (!used && this.#groups.get(key) === group) this.#groups.delete(key);
  }

  #arrive(node: string, key: string): NodeRecord {
    const record = this.#nodes.get(node) ?? { memory: new NodeMemory(), key, streams: 0 };
    record.key = key;
    record.streams += 1;
    this.#nodes.set(node, record);
    this.#departed.delete(node);
    return record;
  }

  #leave(node: string, record: NodeRecord): void {
    record.streams -= 1;
    if (record.streams > 0 || this.#nodes.get(node) !== record) return;
    if (this.#groups.get(record.key)?.snapshot === undefined) this.#forget(node);
    else this.#departed.add(node);
    for (const oldest of this.#departed) {
      if (this.#departed.size <= DEPARTED_MOST) break;
      this.#forget(oldest);
    }
  }

  #forget(node: string): void {
    this.#departed.delete(node);
    this.#nodes.delete(node);
  }
}
