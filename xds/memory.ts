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

interface Refusals {
  /** Keys of resources and of responses, oldest first. */
  readonly versions: Set<string>;
  readonly rejections: Map<TypeUrl, Rejection>;
}

const NONE: readonly Resource[] = [];

export class NodeMemory {
  readonly #good = new Map<TypeUrl, Resources>();
  readonly #unacknowledged = new Map<TypeUrl, readonly Resource[]>();
  /** Absent for most proxies, and there are many. */
  #refusals: Refusals | undefined;

  /** Any version at all was refused: most proxies never do. */
  get hasRefused(): boolean {
    return this.#refusals !== undefined;
  }

  isRefused(resource: Resource): boolean {
    return this.#refusals?.versions.has(key(resource)) ?? false;
  }

  isRefusedResponse(type: TypeUrl, fingerprint: string): boolean {
    return this.#refusals?.versions.has(responseKey(type, fingerprint)) ?? false;
  }

  /** What the proxy last accepted of that type. */
  good(type: TypeUrl): Resources {
    return this.#good.get(type) ?? NOTHING;
  }

  /** Sent since it last accepted something of that type: of what it refuses it may have taken a part. */
  unacknowledged(type: TypeUrl): readonly Resource[] {
    return this.#unacknowledged.get(type) ?? NONE;
  }

  hasUnacknowledged(type: TypeUrl): boolean {
    return this.#unacknowledged.has(type);
  }

  sent(type: TypeUrl, resources: readonly Resource[]): void {
    const before = this.#unacknowledged.get(type);
    this.#unacknowledged.set(type, before ? [...new Set([...before, ...resources])] : resources);
  }

  accepted(type: TypeUrl, resources: Resources): void {
    this.#good.set(type, resources);
    this.#unacknowledged.delete(type);
  }

  /**
   * As accepted, where other streams of the node carry the type too: what they have stays.
   * @param told names that the response spoke of
   * @param isOffered what is no longer offered to the node is forgotten
   */
  acceptedPart(
    type: TypeUrl,
    resources: Resources,
    told: ReadonlySet<string>,
    isOffered: (name: string) => boolean,
  ): void {
    const others = [...this.good(type)].filter(([name]) => !resources.has(name) && isOffered(name));
    this.#good.set(type, others.length === 0 ? resources : new Map([...others, ...resources]));
    const left = this.unacknowledged(type).filter(({ name }) => !told.has(name));
    if (left.length === 0) this.#unacknowledged.delete(type);
    else this.#unacknowledged.set(type, left);
  }

  /** It refused these, and had nothing of their names before. */
  lacks(type: TypeUrl, resources: readonly Resource[]): void {
    if (resources.length === 0) return;
    const left = this.unacknowledged(type).filter((resource) => !resources.includes(resource));
    if (left.length === 0) this.#unacknowledged.delete(type);
    else this.#unacknowledged.set(type, left);
  }

  /** What the proxy says it has from an earlier stream, perhaps with another control plane. */
  brought(type: TypeUrl, resources: Resources): void {
    this.#good.set(type, resources);
  }

  /** @param fingerprint of the response */
  refused(type: TypeUrl, refused: readonly Resource[], rejection: Rejection, fingerprint: string): void {
    this.#refusals ??= { versions: new Set(), rejections: new Map() };
    const { versions, rejections } = this.#refusals;
    for (const resource of refused) versions.add(key(resource));
    versions.add(responseKey(type, fingerprint));
    for (const oldest of versions) {
      if (versions.size <= REMEMBERED_VERSIONS) break;
      versions.delete(oldest);
    }
    const before = rejections.get(type);
    // The same words about a newer version are no news.
    const at = before?.error === rejection.error ? before.at : rejection.at;
    rejections.set(type, { ...rejection, at });
  }

  /** The rejection that still holds something back. */
  rejection(type: TypeUrl): Rejection | null {
    return this.#refusals?.rejections.get(type) ?? null;
  }

  /** Nothing that is wanted of that type is held back any more. */
  resolved(type: TypeUrl): void {
    this.#refusals?.rejections.delete(type);
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
 * the text can't be trusted to, all are taken as refused. It can also be one that it took before, as the same node with
 * another process or in other surroundings: a listener whose port is taken now.
 * @param all what the response carried
 * @param unnamed what is refused where the error names none of them
 */
export function refusedBy(
  error: string,
  changed: readonly Resource[],
  all: readonly Resource[] = changed,
  unnamed: readonly Resource[] = changed.length > 0 ? changed : all,
): Resource[] {
  for (const candidates of [changed, all]) {
    const named = candidates.filter((resource) => mentions(error, resource.name));
    if (named.length > 0) return named;
  }
  return [...unnamed];
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
