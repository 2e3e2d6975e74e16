/** Envoy's proto3 JSON with snake_case field names: the one form in which resources and bootstraps are written. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [field: string]: Json;
}

/** A google.protobuf.Any in JSON: `type` is the message's full name. */
export function any(type: string, fields: JsonObject): JsonObject {
  return { '@type': `type.googleapis.com/${type}`, ...fields };
}
