/** What goes into a session and comes out of it. */
import type { Rejection } from './memory.ts';
import type { Resource, Resources } from './resource.ts';
import type { TypeUrl } from './type-urls.ts';

/** State of the world: each request lists all that is asked for. Delta: requests and responses are differences. */
export type Variant = 'sotw' | 'delta';

interface AnyRequest {
  readonly type: TypeUrl;
  /** Nonce of the response that this answers; '' = none. */
  readonly nonce: string;
  /** The proxy refused that response, in these words; undefined = it did not. */
  readonly error: string | undefined;
}

/** A request without what concerns the node. */
export interface SotwRequest extends AnyRequest {
  readonly names: readonly string[];
  /** Last version that the proxy accepted; '' = none. */
  readonly version: string;
}

export interface DeltaRequest extends AnyRequest {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** What the proxy has from an earlier stream, name to version; counts in the first request for the type. */
  readonly initialVersions: ReadonlyMap<string, string>;
}

export type SessionRequest = SotwRequest | DeltaRequest;

export function isDelta(request: SessionRequest): request is DeltaRequest {
  return 'subscribe' in request;
}

/** A response to send. */
export interface Push {
  readonly type: TypeUrl;
  /** Of what the response carries (state of the world), or of all that the proxy has with it (delta). */
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly Resource[];
  /** Names of what is gone; state of the world has no words for it. */
  readonly removed: readonly string[];
  /** Only tells that the resources live on. */
  readonly heartbeat: boolean;
  /** The proxy understands a time to live. */
  readonly ttl: boolean;
}

export type SessionEvent =
  | {
      readonly kind: 'ack';
      readonly type: TypeUrl;
      readonly version: string;
      /** From the sending to the answer. */
      readonly tookMs: number;
      /** From the publication to the answer, waiting for its turn included; null = it answers no publication. */
      readonly publishedMs: number | null;
    }
  | { readonly kind: 'nack'; readonly type: TypeUrl; readonly rejection: Rejection };

export interface Step {
  readonly pushes: readonly Push[];
  readonly events: readonly SessionEvent[];
}

/** When something happened: `now` is monotonic, `wall` ms since 1970. */
export interface Instant {
  readonly now: number;
  readonly wall: number;
}

export interface VersionMark {
  readonly version: string;
  /** Wall clock, ms since 1970. */
  readonly at: number;
}

/** What is known of one type at one proxy. */
export interface TypeStatus {
  readonly type: TypeUrl;
  /** When the proxy asked for the type first on its stream, ms since 1970. */
  readonly requestedAt: number;
  /** A response is under way and not answered yet. */
  readonly pending: boolean;
  /** And newer content waits for that answer. */
  readonly behind: boolean;
  readonly sent: VersionMark | null;
  readonly acked: VersionMark | null;
  /** What is held back from this proxy because it refused it, until a change replaces it. */
  readonly nacked: Rejection | null;
}

/** A response that the proxy has not answered. */
export interface Unanswered {
  readonly push: Push;
  /** All that the proxy has of the type once it accepted. */
  readonly after: Resources;
  /** What the proxy did not have before. */
  readonly changed: readonly Resource[];
  readonly sentAt: number;
  /** When the first of what it carries was published; undefined = it carries nothing new. */
  readonly publishedAt: number | undefined;
  /** Version of the snapshot's set that it was made from. */
  readonly setVersion: string;
}
