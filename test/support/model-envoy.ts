/**
 * What Envoy does with discovery responses, as far as the order of things goes: it applies what it can of a response and
 * names what it can't, a new or changed cluster warms until its endpoints come, and meanwhile nothing about clusters is
 * answered. Messages wait in two queues until the test lets one through.
 */
import type { Resource } from '../../xds/resource.ts';
import type { Push, SessionRequest } from '../../xds/session.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE, type TypeUrl } from '../../xds/type-urls.ts';

export class ModelEnvoy {
  readonly listeners = new Map<string, Resource>();
  readonly clusters = new Map<string, Resource>();
  readonly endpoints = new Map<string, Resource>();
  readonly inbox: Push[] = [];
  readonly outbox: SessionRequest[] = [];
  readonly #isBad: (resource: Resource) => boolean;
  /** Refuses a whole response for one bad resource, and doesn't say which, as Envoy does when it can't read one. */
  readonly #wholly: boolean;
  readonly #warming = new Map<string, Resource>();
  readonly #versions = new Map<TypeUrl, string>();
  readonly #nonces = new Map<TypeUrl, string>();
  #pausedAnswer: (() => void) | undefined;

  constructor(isBad: (resource: Resource) => boolean, wholly: boolean) {
    this.#isBad = isBad;
    this.#wholly = wholly;
  }

  /** A new stream: what was under way is lost, what is applied stays. */
  connect(): void {
    this.inbox.length = 0;
    this.outbox.length = 0;
    this.#nonces.clear();
    this.#pausedAnswer = undefined;
    this.#request(CLUSTER_TYPE);
    if (this.#endpointNames().length > 0) this.#request(ENDPOINT_TYPE);
    this.#request(LISTENER_TYPE);
  }

  /** Traffic finds the cluster: it was ready once, also while a change of it warms. */
  serves(cluster: string): boolean {
    return this.clusters.has(cluster);
  }

  receive(): void {
    const push = this.inbox.shift();
    if (!push) return;
    this.#nonces.set(push.type, push.nonce);
    const bad = push.resources.filter(this.#isBad);
    const answer = () => {
      if (bad.length === 0) this.#versions.set(push.type, push.version);
      const error =
        bad.length === 0 ? undefined : `Error adding/updating ${bad.map(({ name }) => `${name}: bad`).join(', ')}`;
      this.#request(push.type, error);
    };
    if (bad.length > 0 && this.#wholly) this.#request(push.type, 'Proto constraint validation failed');
    else if (push.type === CLUSTER_TYPE) this.#takeClusters(push, answer);
    else if (push.type === LISTENER_TYPE) this.#takeAll(this.listeners, push, answer);
    else this.#takeEndpoints(push, bad.length > 0, answer);
  }

  #takeAll(into: Map<string, Resource>, push: Push, answer: () => void): void {
    const names = new Set(push.resources.map((resource) => resource.name));
    for (const name of [...into.keys()]) if (!names.has(name)) into.delete(name);
    for (const resource of push.resources) if (!this.#isBad(resource)) into.set(resource.name, resource);
    answer();
  }

  #takeClusters(push: Push, answer: () => void): void {
    const names = new Set(push.resources.map((resource) => resource.name));
    for (const map of [this.clusters, this.#warming]) {
      for (const name of [...map.keys()]) if (!names.has(name)) map.delete(name);
    }
    let watches = false;
    for (const cluster of push.resources) {
      const current = this.#warming.get(cluster.name) ?? this.clusters.get(cluster.name);
      if (this.#isBad(cluster) || current?.version === cluster.version) continue;
      if (cluster.endpointName === '') this.clusters.set(cluster.name, cluster);
      else this.#warming.set(cluster.name, cluster);
      watches ||= cluster.endpointName !== '';
    }
    const wanted = new Set(this.#endpointNames());
    for (const name of [...this.endpoints.keys()]) if (!wanted.has(name)) this.endpoints.delete(name);
    if (watches) this.#request(ENDPOINT_TYPE);
    this.#pausedAnswer = answer;
    this.#resume();
  }

  #takeEndpoints(push: Push, bad: boolean, answer: () => void): void {
    const wanted = new Set(this.#endpointNames());
    for (const assignment of bad ? [] : push.resources) {
      if (!wanted.has(assignment.name)) continue;
      this.endpoints.set(assignment.name, assignment);
      for (const cluster of [...this.#warming.values()]) {
        if (cluster.endpointName !== assignment.name) continue;
        this.#warming.delete(cluster.name);
        this.clusters.set(cluster.name, cluster);
      }
    }
    answer();
    this.#resume();
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

  #request(type: TypeUrl, error?: string): void {
    this.outbox.push({
      type,
      names: type === ENDPOINT_TYPE ? this.#endpointNames() : [],
      version: this.#versions.get(type) ?? '',
      nonce: this.#nonces.get(type) ?? '',
      error,
    });
  }
}
