/**
 * The streams that share one snapshot, findable by what they asked for: a change costs what the streams cost that it
 * touches, also where thousands share a snapshot and each asked for other names.
 */
import type { Resources } from './resource.ts';
import type { ResourceSets } from './snapshot.ts';
import type { Subscription } from './subscription.ts';
import { RESOURCE_TYPES, type TypeUrl } from './type-urls.ts';

export interface Subscriber {
  /** undefined = it did not ask for the type. */
  subscription(type: TypeUrl): Subscription | undefined;
}

interface TypeIndex<S> {
  readonly wildcard: Set<S>;
  readonly byName: Map<string, Set<S>>;
}

/** Up to so many are told of everything: looking at what they have already costs less than an index. */
const INDEXED_FROM = 16;

export class Subscribers<S extends Subscriber> {
  readonly #all = new Set<S>();
  #index: Map<TypeUrl, TypeIndex<S>> | undefined;

  get size(): number {
    return this.#all.size;
  }

  /** Before it asks for anything, or with what it asked for. */
  add(subscriber: S): void {
    this.#all.add(subscriber);
    if (this.#index) this.#insertAll(subscriber);
    else if (this.#all.size >= INDEXED_FROM) this.#build();
  }

  delete(subscriber: S): void {
    if (!this.#all.delete(subscriber) || !this.#index) return;
    for (const type of RESOURCE_TYPES) this.changed(subscriber, type, subscriber.subscription(type), undefined);
  }

  /** Its subscription is another now. */
  changed(subscriber: S, type: TypeUrl, before: Subscription | undefined, after: Subscription | undefined): void {
    if (!this.#index) return;
    const { wildcard, byName } = this.#indexOf(type);
    if (after?.wildcard) wildcard.add(subscriber);
    else wildcard.delete(subscriber);
    for (const name of before?.names ?? []) {
      if (after?.names.has(name)) continue;
      const named = byName.get(name);
      named?.delete(subscriber);
      if (named?.size === 0) byName.delete(name);
    }
    for (const name of after?.names ?? []) {
      const named = byName.get(name);
      if (named) named.add(subscriber);
      else byName.set(name, new Set([subscriber]));
    }
  }

  /** Those for whom something changed; each once. */
  affected(before: ResourceSets | undefined, after: ResourceSets): Iterable<S> {
    if (!this.#index || !before) return [...this.#all];
    const affected = new Set<S>();
    for (const type of RESOURCE_TYPES) {
      if (before[type].version === after[type].version) continue;
      const index = this.#index.get(type);
      if (!index) continue;
      for (const subscriber of index.wildcard) affected.add(subscriber);
      if (index.byName.size === 0) continue;
      for (const name of changedNames(before[type].resources, after[type].resources)) {
        for (const subscriber of index.byName.get(name) ?? []) affected.add(subscriber);
      }
    }
    return affected;
  }

  [Symbol.iterator](): Iterator<S> {
    return this.#all.values();
  }

  #build(): void {
    this.#index = new Map();
    for (const subscriber of this.#all) this.#insertAll(subscriber);
  }

  #insertAll(subscriber: S): void {
    for (const type of RESOURCE_TYPES) {
      const subscription = subscriber.subscription(type);
      if (subscription) this.changed(subscriber, type, undefined, subscription);
    }
  }

  #indexOf(type: TypeUrl): TypeIndex<S> {
    const known = this.#index?.get(type);
    if (known) return known;
    const index: TypeIndex<S> = { wildcard: new Set(), byName: new Map() };
    this.#index?.set(type, index);
    return index;
  }
}

function* changedNames(before: Resources, after: Resources): Iterable<string> {
  for (const [name, resource] of after) if (before.get(name)?.version !== resource.version) yield name;
  for (const name of before.keys()) if (!after.has(name)) yield name;
}
