/**
 * What each node is to have, and what it refused. A change is told to the streams of that node alone, so that its cost
 * grows with the proxies that it touches.
 */
import { NodeMemory } from './memory.ts';
import type { Snapshot } from './snapshot.ts';

export type SnapshotListener = (snapshot: Snapshot) => void;

/** A stream's part in its node. */
export interface Membership {
  readonly snapshot: Snapshot | undefined;
  /** Shared by all streams of the node, and kept from one to the next for as long as the node has a snapshot. */
  readonly memory: NodeMemory;
  leave(): void;
}

interface NodeRecord {
  snapshot: Snapshot | undefined;
  readonly memory: NodeMemory;
  readonly listeners: Set<SnapshotListener>;
}

export class SnapshotCache {
  readonly #nodes = new Map<string, NodeRecord>();

  /** The same content again tells nobody. */
  set(node: string, snapshot: Snapshot): void {
    const record = this.#recordOf(node);
    const before = record.snapshot;
    record.snapshot = snapshot;
    if (before?.version === snapshot.version) return;
    for (const listener of record.listeners) listener(snapshot);
  }

  /** Connected proxies of the node keep what they have. */
  delete(node: string): void {
    const record = this.#nodes.get(node);
    if (!record) return;
    record.snapshot = undefined;
    this.#dropIfUnused(node, record);
  }

  get(node: string): Snapshot | undefined {
    return this.#nodes.get(node)?.snapshot;
  }

  /** Nodes that have a snapshot or a stream. */
  get size(): number {
    return this.#nodes.size;
  }

  /** Calls `listener` with each change from now on. */
  join(node: string, listener: SnapshotListener): Membership {
    const record = this.#recordOf(node);
    record.listeners.add(listener);
    return {
      snapshot: record.snapshot,
      memory: record.memory,
      leave: () => {
        record.listeners.delete(listener);
        this.#dropIfUnused(node, record);
      },
    };
  }

  #recordOf(node: string): NodeRecord {
    const known = this.#nodes.get(node);
    if (known) return known;
    const record: NodeRecord = { snapshot: undefined, memory: new NodeMemory(), listeners: new Set() };
    this.#nodes.set(node, record);
    return record;
  }

  #dropIfUnused(node: string, record: NodeRecord): void {
    const used = record.snapshot !== undefined || record.listeners.size > 0;
    if (!used && this.#nodes.get(node) === record) this.#nodes.delete(node);
  }
}
