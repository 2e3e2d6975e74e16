/**
 * A message field by field, without its .proto file: for the few messages that are read all the time, of which most
 * fields are not wanted. https://protobuf.dev/programming-guides/encoding/
 */
import { ProtoError } from './json.ts';
import { WIRE_TYPES } from './wire-types.ts';

export class FieldReader {
  readonly #typeName: string;
  readonly #bytes: Buffer;
  #at = 0;
  #wireType: number = WIRE_TYPES.varint;

  /** @param typeName for what an error says */
  constructor(typeName: string, bytes: Uint8Array) {
    this.#typeName = typeName;
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /**
   * Number of the next field, 0 at the end. Its content must be read or skipped before the next one.
   * @throws ProtoError when these bytes are no message; so do all methods
   */
  next(): number {
    if (this.#at === this.#bytes.length) return 0;
    const tag = this.#varint();
    this.#wireType = tag & 7;
    const field = Math.floor(tag / 8);
    if (field === 0) throw this.#malformed('a field has the number 0');
    return field;
  }

  text(): string {
    const start = this.#contentStart();
    return this.#bytes.toString('utf8', start, this.#at);
  }

  /** A view, not a copy. */
  bytes(): Buffer {
    const start = this.#contentStart();
    return this.#bytes.subarray(start, this.#at);
  }

  skip(): void {
    switch (this.#wireType) {
      case WIRE_TYPES.varint:
        this.#varint();
        return;
      case WIRE_TYPES.fixed64:
        this.#advance(8);
        return;
      case WIRE_TYPES.lengthDelimited:
        this.#contentStart();
        return;
      case WIRE_TYPES.fixed32:
        this.#advance(4);
        return;
      default:
        throw this.#malformed(`wire type ${this.#wireType}`);
    }
  }

  /** Moves behind the content and tells where it begins. */
  #contentStart(): number {
    if (this.#wireType !== WIRE_TYPES.lengthDelimited)
      throw this.#malformed(`wire type ${this.#wireType} where text is wanted`);
    const length = this.#varint();
    const start = this.#at;
    this.#advance(length);
    return start;
  }

  #advance(length: number): void {
    if (length > this.#bytes.length - this.#at) throw this.#malformed('it ends within a field');
    this.#at += length;
  }

  /** Exact up to 2^53: what is longer is no length, and no field that is read here. */
  #varint(): number {
    let value = 0;
    let weight = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw this.#malformed('it ends within a number');
      this.#at += 1;
      value += (byte & 0x7f) * weight;
      if (byte < 0x80) return value;
      weight *= 128;
    }
    throw this.#malformed('a number of more than 10 bytes');
  }

  #malformed(reason: string): ProtoError {
    return new ProtoError('$', `these ${this.#bytes.length} bytes are no ${this.#typeName}: ${reason}`);
  }
}
