/**
 * Protobuf messages in our code are proto3 JSON with the field names of the .proto files: durations "0.25s", wrappers
 * as bare values, enums by name, bytes in base64, 64-bit integers as text, an Any as {"@type": URL, ...fields}.
 * https://protobuf.dev/programming-guides/json/
 */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A field that is undefined is absent. */
export interface JsonObject {
  readonly [field: string]: Json | undefined;
}

/** JSON that is no message of the named type, or bytes that are none. */
export class ProtoError extends Error {
  /** Where: `$` is the message, `$.filter_chains[0].filters` a field in it. */
  readonly path: string;
  /** What is wrong there, without the path. */
  readonly detail: string;

  constructor(path: string, detail: string, cause?: unknown) {
    super(`${path}: ${detail}`, cause === undefined ? undefined : { cause });
    this.name = 'ProtoError';
    this.path = path;
    this.detail = detail;
  }
}

export function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
