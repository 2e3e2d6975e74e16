/** What a client reads of a discovery response, of either variant: their fields have the same numbers. */
import { FieldReader } from '../proto/field-reader.ts';

const VERSION = 1;
const RESOURCES = 2;
const TYPE_URL = 4;
const NONCE = 5;

export interface ReadResponse {
  readonly version: string;
  readonly typeUrl: string;
  readonly nonce: string;
  /** Views of the message: an Any each, or a Resource in the delta variant. */
  readonly resources: readonly Uint8Array[];
}

/** @throws ProtoError when these bytes are no message */
export function readResponse(message: Uint8Array): ReadResponse {
  const fields = new FieldReader('a discovery response', message);
  const resources: Uint8Array[] = [];
  let [version, typeUrl, nonce] = ['', '', ''];
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === VERSION) version = fields.text();
    else if (field === TYPE_URL) typeUrl = fields.text();
    else if (field === NONCE) nonce = fields.text();
    else if (field === RESOURCES) resources.push(fields.bytes());
    else fields.skip();
  }
  return { version, typeUrl, nonce, resources };
}
