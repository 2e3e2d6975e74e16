/**
 * What a proxy accepted and what it refused. Kept for a node across its streams: a version that was refused is never sent to it again, the
 * last good one goes on instead.
 */
import type { Resource, Resources } from './resource.ts';
import type { TypeUrl } from './type-urls.ts';

export interface Rejection {
  /** Version of the response that was refused. */
  readonly version: string;
  /** The proxy's own words. */
  readonly error: string;
  /** Names of the resources that are held back because of it. */
  readonly resources: readonly string[];
  /** Wall clock, ms since 1970: since when the proxy refuses this. */
  readonly at: number;
}

/** A proxy that refuses version after version is not to fill the memory. */
const REMEMBERED_VERSIONS = 1024;

export class NodeMemory {
  readonly #refused = new Set<string>();
  readonly #good = new Map<TypeUrl, Resources>();
  readonly #unacknowledged = new Map<TypeUrl, Set<Resource>>();
  readonly #rejections = new Map<TypeUrl, Rejection>();
  /** Types of which what was refused is offered once more. */
  readonly #retrying = new Set<TypeUrl>();

  isRefused(resource: Resource): boolean {
    return this.#refused.has(key(resource));
  }

  isRefusedResponse(type: TypeUrl, version: string): boolean {
    return this.#refused.has(responseKey(type, version));
  }

  /** What the proxy last accepted of that type. */
  good(type: TypeUrl): Resources {
    return this.#good.get(type) ?? NOTHING;
  }

  /** Sent since it last accepted something of that type: of what it refuses it may have taken a part. */
  unacknowledged(type: TypeUrl): Iterable<Resource> {
    return this.#unacknowledged.get(type) ?? [];
  }

  hasUnacknowledged(type: TypeUrl): boolean {
    return this.#unacknowledged.has(type);
  }

  sent(type: TypeUrl, resources: readonly Resource[]): void {
    const unacknowledged = this.#unacknowledged.get(type) ?? new Set();
    for (const resource of resources) unacknowledged.add(resource);
    this.#unacknowledged.set(type, unacknowledged);
  }

  accepted(type: TypeUrl, resources: Resources): void {
    this.#good.set(type, resources);
    this.#unacknowledged.delete(type);
    if (this.#retrying.delete(type)) this.#rejections.delete(type);
  }

  refused(type: TypeUrl, refused: readonly Resource[], rejection: Rejection): void {
    for (const resource of refused) this.#refused.add(key(resource));
    this.#refused.add(responseKey(type, rejection.version));
    for (const oldest of this.#refused) {
      if (this.#refused.size <= REMEMBERED_VERSIONS) break;
      this.#refused.delete(oldest);
    }
    const before = this.#rejections.get(type);
    const same = this.#retrying.delete(type) && before?.error === rejection.error;
    this.#rejections.set(type, same ? { ...rejection, at: before.at } : rejection);
  }

  /**
   * Lets what the proxy refused last go out once more: the reason was its surroundings, and they may have changed. The
   * rejection stands until the proxy answers.
   */
  retry(type: TypeUrl): void {
    const rejection = this.#rejections.get(type);
    if (!rejection) return;
    this.#refused.delete(responseKey(type, rejection.version));
    for (const name of rejection.resources) {
      const prefix = `${type}\n${name}\n`;
      for (const refused of this.#refused) if (refused.startsWith(prefix)) this.#refused.delete(refused);
    }
    this.#retrying.add(type);
  }

  isRetrying(type: TypeUrl): boolean {
    return this.#retrying.has(type);
  }

  /** The rejection that still holds something back. */
  rejection(type: TypeUrl): Rejection | null {
    return this.#rejections.get(type) ?? null;
  }

  /** Nothing that is wanted of that type is held back any more. */
  resolved(type: TypeUrl): void {
    this.#rejections.delete(type);
    this.#retrying.delete(type);
  }

  /** `wanted`, or the last good version if that one was refused; undefined if there is none. */
  sendable(type: TypeUrl, wanted: Resource): Resource | undefined {
    if (!this.isRefused(wanted)) return wanted;
    const last = this.good(type).get(wanted.name);
    return last && !this.isRefused(last) ? last : undefined;
  }
}

export const NOTHING: Resources = new Map();

/**
 * Which of the resources that a response changed the proxy refused. Envoy names them in its error; if it names none, or
 * the text can't be trusted to, all are taken as refused.
 */
export function refusedBy(error: string, changed: readonly Resource[]): Resource[] {
  const named = changed.filter((resource) => mentions(error, resource.name));
  return named.length > 0 ? named : [...changed];
}

function mentions(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    if (!NAME_CHARACTER.test(text.charAt(at - 1)) && !NAME_CHARACTER.test(text.charAt(at + name.length))) return true;
  }
  return false;
}

const NAME_CHARACTER = /[\w./-]/;

function responseKey(type: TypeUrl, version: string): string {
  return `${type}\n\n${version}`;
}

function key(resource: Resource): string {
  return `${resource.typeUrl}\n${resource.name}\n${resource.version}`;
}
