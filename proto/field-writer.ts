/**
 * A message field by field, for messages that are mostly made of bytes which exist already: those are copied once.
 * https://protobuf.dev/programming-guides/encoding/
 */
import { WIRE_TYPES } from './wire-types.ts';

/** Memory that a writer begins with. */
export const FIRST_BYTES = 64 * 1024;
/** What one large message needed is not kept. */
export const KEPT_MOST_BYTES = 1024 * 1024;

let scratch = Buffer.allocUnsafeSlow(FIRST_BYTES);

/** Only one at a time: all write to the same memory until they finish. */
export class FieldWriter {
  #length = 0;

  text(field: number, content: string): void {
    const length = Buffer.byteLength(content);
    this.head(field, length);
    scratch.write(content, this.#length);
    this.#length += length;
  }

  bytes(field: number, content: Uint8Array): void {
    this.head(field, content.length);
    scratch.set(content, this.#length);
    this.#length += content.length;
  }

  /** Before the fields of a message within this one that are `length` bytes together. */
  head(field: number, length: number): void {
    this.#reserve(MOST_HEAD_BYTES + length);
    this.varint(field * 8 + WIRE_TYPES.lengthDelimited);
    this.varint(length);
  }

  varint(value: number): void {
    this.#reserve(MOST_VARINT_BYTES);
    let rest = value;
    for (; rest > INT32_MOST; rest = Math.floor(rest / 0x80)) scratch[this.#length++] = (rest % 0x80) | 0x80;
    // Lengths and tags are small: a shift is much cheaper than the rest of a division.
    for (; rest >= 0x80; rest >>= 7) scratch[this.#length++] = (rest & 0x7f) | 0x80;
    scratch[this.#length++] = rest;
  }

  finish(): Buffer {
    const message = Buffer.from(scratch.subarray(0, this.#length));
    if (scratch.length > KEPT_MOST_BYTES) scratch = Buffer.allocUnsafeSlow(FIRST_BYTES);
    return message;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= scratch.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, scratch.length * 2));
    larger.set(scratch.subarray(0, this.#length));
    scratch = larger;
  }
}

const INT32_MOST = 0x7fff_ffff;
export const MOST_VARINT_BYTES = 10;
const MOST_HEAD_BYTES = 2 * MOST_VARINT_BYTES;

/** What stands before a field's content, alone: where the content is to be put beside it and not copied. */
export function fieldHead(field: number, length: number): Buffer {
  const head = new FieldWriter();
  head.varint(field * 8 + WIRE_TYPES.lengthDelimited);
  head.varint(length);
  return head.finish();
}

/** Field numbers of google.protobuf.Any. */
export const ANY_FIELDS = { typeUrl: 1, value: 2 } as const;

/** Bytes of a field with its head. */
export function fieldBytes(field: number, contentBytes: number): number {
  return varintBytes(field * 8 + WIRE_TYPES.lengthDelimited) + varintBytes(contentBytes) + contentBytes;
}

export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}
