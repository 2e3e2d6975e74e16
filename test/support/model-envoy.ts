/**
 * What Envoy does with discovery responses of either variant, as far as the order of things goes: it applies what it can
 * of a response and names what it can't, a new or changed cluster warms until its endpoints come, and meanwhile nothing
 * about clusters is answered. Messages wait in two queues until the test lets one through.
 */
import type { Resource } from '../../xds/resource.ts';
import type { Push, SessionRequest, Variant } from '../../xds/session-types.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE, type TypeUrl } from '../../xds/type-urls.ts';

export interface ModelOptions {
  readonly variant: Variant;
  readonly isBad: (resource: Resource) => boolean;
  /** Refuses a whole response for one bad resource, and doesn't say which, as Envoy does when it can't read one. */
  readonly wholly: boolean;
}

export class ModelEnvoy {
  readonly listeners = new Map<string, Resource>();
  readonly clusters = new Map<string, Resource>();
  readonly endpoints = new Map<string, Resource>();
  readonly inbox: Push[] = [];
  readonly outbox: SessionRequest[] = [];
  readonly #options: ModelOptions;
  readonly #warming = new Map<string, Resource>();
  /** Of responses: state of the world. */
  readonly #versions = new Map<TypeUrl, string>();
  /** Of resources in responses that were accepted: delta. */
  readonly #resourceVersions = new Map<TypeUrl, Map<string, string>>();
  readonly #nonces = new Map<TypeUrl, string>();
  /** Endpoints that it asked for: delta. */
  #subscribed = new Set<string>();
  #pausedAnswer: (() => void) | undefined;

  constructor(options: ModelOptions) {
    this.#options = options;
  }

  /** A new stream: what was under way is lost, what is applied stays. */
  connect(): void {
    this.inbox.length = 0;
    this.outbox.length = 0;
    this.#nonces.clear();
    this.#pausedAnswer = undefined;
    this.#subscribed.clear();
    this.#begin(CLUSTER_TYPE);
    if (this.#endpointNames().length > 0) this.#begin(ENDPOINT_TYPE);
    this.#begin(LISTENER_TYPE);
  }

  /** Traffic finds the cluster: it was ready once, also while a change of it warms. */
  serves(cluster: string): boolean {
    return this.clusters.has(cluster);
  }

  receive(): void {
    const push = this.inbox.shift();
    if (!push) return;
    this.#nonces.set(push.type, push.nonce);
    const bad = push.resources.filter(this.#options.isBad);
    const answer = () => {
      if (bad.length === 0) this.#remember(push);
      const error =
        bad.length === 0 ? undefined : `Error adding/updating ${bad.map(({ name }) => `${name}: bad`).join(', ')}`;
      this.#answer(push, error);
    };
    if (bad.length > 0 && this.#options.wholly) this.#answer(push, 'Proto constraint validation failed');
    else if (push.type === CLUSTER_TYPE) this.#takeClusters(push, answer);
    else if (push.type === LISTENER_TYPE) this.#takeListeners(push, answer);
    else this.#takeEndpoints(push, bad.length > 0, answer);
  }

  #takeListeners(push: Push, answer: () => void): void {
    this.#drop(this.listeners, push);
    for (const resource of push.resources) {
      if (!this.#options.isBad(resource)) this.listeners.set(resource.name, resource);
    }
    answer();
  }

  /** Delta names what is gone; state of the world leaves it out. */
  #drop(from: Map<string, Resource>, push: Push): void {
    const named = new Set(push.resources.map((resource) => resource.name));
    const gone = this.#options.variant === 'delta' ? push.removed : [...from.keys()].filter((name) => !named.has(name));
    for (const name of gone) from.delete(name);
  }

  #takeClusters(push: Push, answer: () => void): void {
    for (const map of [this.clusters, this.#warming]) this.#drop(map, push);
    let watches = false;
    for (const cluster of push.resources) {
      const current = this.#warming.get(cluster.name) ?? this.clusters.get(cluster.name);
      if (this.#options.isBad(cluster) || current?.version === cluster.version) continue;
      if (cluster.endpointName === '') this.clusters.set(cluster.name, cluster);
      else this.#warming.set(cluster.name, cluster);
      watches ||= cluster.endpointName !== '';
    }
    const wanted = new Set(this.#endpointNames());
    for (const name of [...this.endpoints.keys()]) if (!wanted.has(name)) this.endpoints.delete(name);
    this.#askForEndpoints(watches);
    this.#pausedAnswer = answer;
    this.#resume();
  }

  #takeEndpoints(push: Push, bad: boolean, answer: () => void): void {
    const wanted = new Set(this.#endpointNames());
    for (const assignment of bad ? [] : push.resources) {
      if (!wanted.has(assignment.name)) continue;
      this.endpoints.set(assignment.name, assignment);
      this.#warm(assignment.name);
    }
    // Told that there are none, a cluster waits no longer.
    for (const name of bad ? [] : push.removed) this.#warm(name);
    answer();
    this.#resume();
  }

  #warm(endpointName: string): void {
    for (const cluster of [...this.#warming.values()]) {
      if (cluster.endpointName !== endpointName) continue;
      this.#warming.delete(cluster.name);
      this.clusters.set(cluster.name, cluster);
    }
  }

  #resume(): void {
    if (this.#warming.size > 0) return;
    this.#pausedAnswer?.();
    this.#pausedAnswer = undefined;
  }

  #endpointNames(): string[] {
    const clusters = [...this.clusters.values(), ...this.#warming.values()];
    return [...new Set(clusters.map((cluster) => cluster.endpointName).filter((name) => name !== ''))];
  }

  #remember(push: Push): void {
    this.#versions.set(push.type, push.version);
    const versions = this.#resourceVersions.get(push.type) ?? new Map<string, string>();
    for (const { name, version } of push.resources) versions.set(name, version);
    for (const name of push.removed) versions.delete(name);
    this.#resourceVersions.set(push.type, versions);
  }

  #begin(type: TypeUrl): void {
    if (this.#options.variant === 'sotw') {
      this.#requestAll(type);
      return;
    }
    const versions = this.#resourceVersions.get(type) ?? new Map<string, string>();
    const subscribe = type === ENDPOINT_TYPE ? this.#endpointNames() : [];
    if (type === ENDPOINT_TYPE) this.#subscribed = new Set(subscribe);
    const initialVersions = new Map(
      [...versions].filter(([name]) => type !== ENDPOINT_TYPE || subscribe.includes(name)),
    );
    this.outbox.push({ type, subscribe, unsubscribe: [], initialVersions, nonce: '', error: undefined });
  }

  #askForEndpoints(watches: boolean): void {
    if (this.#options.variant === 'sotw') {
      if (watches) this.#requestAll(ENDPOINT_TYPE);
      return;
    }
    const names = new Set(this.#endpointNames());
    // A cluster that changed watches what is watched already: that is no news for the stream.
    const subscribe = [...names].filter((name) => !this.#subscribed.has(name));
    const unsubscribe = [...this.#subscribed].filter((name) => !names.has(name));
    this.#subscribed = names;
    if (subscribe.length + unsubscribe.length === 0) return;
    for (const name of unsubscribe) this.#resourceVersions.get(ENDPOINT_TYPE)?.delete(name);
    const initialVersions = new Map<string, string>();
    this.outbox.push({ type: ENDPOINT_TYPE, subscribe, unsubscribe, initialVersions, nonce: '', error: undefined });
  }

  #answer({ type, nonce }: Push, error: string | undefined): void {
    if (this.#options.variant === 'sotw') this.#requestAll(type, error);
    else this.outbox.push({ type, subscribe: [], unsubscribe: [], initialVersions: new Map(), nonce, error });
  }

  #requestAll(type: TypeUrl, error?: string): void {
    this.outbox.push({
      type,
      names: type === ENDPOINT_TYPE ? this.#endpointNames() : [],
      version: this.#versions.get(type) ?? '',
      nonce: this.#nonces.get(type) ?? '',
      error,
    });
  }
}
