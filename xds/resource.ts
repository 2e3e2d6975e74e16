/** One resource as proxies get it: encoded once, shared by all proxies that have it. */
import type { Relation } from './references.ts';
import type { TypeUrl } from './type-urls.ts';

export interface Resource {
  readonly typeUrl: TypeUrl;
  readonly name: string;
  /** The user's own, or a hash of the content. */
  readonly version: string;
  readonly mark: Mark;
  /** The google.protobuf.Any that travels. */
  readonly bytes: Uint8Array;
  /** Every text in it: the clusters that it needs are among them. Empty but for types that name clusters. */
  readonly mentions: readonly string[];
  /** A cluster's: name of the endpoints that it waits for before it takes traffic; '' = none. */
  readonly endpointName: string;
  /** What must be there with it. */
  readonly relations: readonly Relation[];
  /** The proxy drops the resource when it heard nothing of it for so long; 0 = it keeps it. */
  readonly ttlMs: number;
}

/** 64 bits in two signed integers. */
export interface Mark {
  readonly high: number;
  readonly low: number;
}

export type Resources = ReadonlyMap<string, Resource>;

/** All resources of one type. */
export interface ResourceSet {
  /** Of names and versions: what has the same has the same content. */
  readonly version: string;
  readonly resources: Resources;
}
