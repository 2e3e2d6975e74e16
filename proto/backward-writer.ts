/**
 * Writes a message from its end to its begin: when the head of what is nested is written, its length is known, so nothing
 * is measured beforehand and nothing copied.
 * https://protobuf.dev/programming-guides/encoding/
 */
import { FIRST_BYTES, KEPT_MOST_BYTES, MOST_VARINT_BYTES, varintBytes } from './field-writer.ts';
import type { Integer64 } from './shape.ts';
import { WIRE_TYPES, type WireType } from './wire-types.ts';

/** A longer text is left to Buffer: calling it costs more than so many characters. */
const SHORT_TEXT = 64;

export class BackwardWriter {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** Index of the first byte written so far. */
  #start = FIRST_BYTES;

  /** Bytes written so far. */
  get length(): number {
    return this.#buffer.length - this.#start;
  }

  /** Forgets what was written. */
  clear(): void {
    if (this.#buffer.length > KEPT_MOST_BYTES) this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
    this.#start = this.#buffer.length;
  }

  /** A copy of what was written. */
  bytes(): Buffer {
    return Buffer.from(this.#buffer.subarray(this.#start));
  }

  /** Of a field whose content is what was written since the length was `before`. */
  head(field: number, before: number): void {
    this.varint(this.length - before);
    this.tag(field, WIRE_TYPES.lengthDelimited);
  }

  /** What says of a field how it is to be read; its content is written already. */
  tag(field: number, wireType: WireType): void {
    this.varint(field * 8 + wireType);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#take(bytes.length);
    this.#buffer.set(bytes, at);
  }

  /** UTF-8 without its length. */
  text(text: string): void {
    if (text.length <= SHORT_TEXT && this.#ascii(text)) return;
    const at = this.#take(Buffer.byteLength(text));
    this.#buffer.write(text, at);
  }

  /** Also of one below 0, which is as long as a 64-bit one. */
  int32(value: number): void {
    if (value >= 0) this.varint(value);
    else this.varint64({ low: value, high: -1, unsigned: false });
  }

  /** 0, -1, 1, -2 as 0, 1, 2, 3. */
  sint32(value: number): void {
    this.varint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  sint64({ low, high }: Integer64): void {
    const sign = high >> 31;
    this.varint64({ low: (low << 1) ^ sign, high: ((high << 1) | (low >>> 31)) ^ sign, unsigned: true });
  }

  fixed32(value: number): void {
    this.#buffer.writeInt32LE(value | 0, this.#take(4));
  }

  fixed64({ low, high }: Integer64): void {
    this.fixed32(high);
    this.fixed32(low);
  }

  float(value: number): void {
    this.#buffer.writeFloatLE(value, this.#take(4));
  }

  double(value: number): void {
    this.#buffer.writeDoubleLE(value, this.#take(8));
  }

  /** @param value 0 to 2^53 */
  varint(value: number): void {
    if (value < 0x80) {
      const at = this.#take(1);
      this.#buffer[at] = value;
      return;
    }
    let at = this.#take(varintBytes(value));
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#buffer[at++] = (rest % 0x80) | 0x80;
    this.#buffer[at] = rest;
  }

  varint64({ low, high }: Integer64): void {
    let [lower, upper] = [low >>> 0, high >>> 0];
    const bytes = new Uint8Array(MOST_VARINT_BYTES);
    let count = 0;
    while (upper > 0 || lower >= 0x80) {
      bytes[count++] = (lower & 0x7f) | 0x80;
      lower = ((lower >>> 7) | (upper << 25)) >>> 0;
      upper >>>= 7;
    }
    bytes[count++] = lower;
    this.raw(bytes.subarray(0, count));
  }

  /** @returns whether the text was written: false for one with a character above U+007F */
  #ascii(text: string): boolean {
    const { length } = text;
    const at = this.#take(length);
    const buffer = this.#buffer;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80) {
        this.#start += length;
        return false;
      }
      buffer[at + index] = code;
    }
    return true;
  }

  /** Room for so many bytes before what is there; its index. */
  #take(bytes: number): number {
    if (bytes > this.#start) this.#grow(bytes);
    this.#start -= bytes;
    return this.#start;
  }

  #grow(bytes: number): void {
    const { length } = this;
    const larger = Buffer.allocUnsafeSlow(Math.max((length + bytes) * 2, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(this.#start), larger.length - length);
    this.#start = larger.length - length;
    this.#buffer = larger;
  }
}
