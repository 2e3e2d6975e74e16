/** One resource as proxies get it: encoded once, shared by all proxies that have it. */
import type { TypeUrl } from './type-urls.ts';

export interface Resource {
  readonly typeUrl: TypeUrl;
  readonly name: string;
  /** Hash of the content. */
  readonly version: string;
  /** The google.protobuf.Any that travels. */
  readonly bytes: Uint8Array;
  /** Every text in it: the names of other resources that it needs are among them. Empty but for listeners. */
  readonly mentions: ReadonlySet<string>;
  /** A cluster's: name of the endpoints that it waits for before it takes traffic; '' = none. */
  readonly endpointName: string;
}

export type Resources = ReadonlyMap<string, Resource>;

/** All resources of one type. */
export interface ResourceSet {
  /** Hash of names and versions. */
  readonly version: string;
  readonly resources: Resources;
}
