import type { JsonObject } from '../proto/json.ts';

/** A google.protobuf.Any in JSON: `type` is the message's full name. */
export function any(type: string, fields: JsonObject): JsonObject {
  return { '@type': `type.googleapis.com/${type}`, ...fields };
}
