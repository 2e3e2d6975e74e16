/**
 * Messages as they travel in a gRPC stream: five bytes of head, then the message. Pure.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import { status } from '@grpc/grpc-js';

const HEAD_BYTES = 5;

/** What the peer sent is no message that is taken; `code` is what the stream ends with. */
export class FrameError extends Error {
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.name = 'FrameError';
    this.code = code;
  }
}

export class FrameReader {
  readonly #bytesMost: number;
  /** What came and is no whole message yet. */
  #chunks: Buffer[] = [];
  #length = 0;
  /** Bytes of the message under way with its head; 0 = its head is not there yet. */
  #needed = 0;

  /** @param bytesMost of one message */
  constructor(bytesMost: number) {
    this.#bytesMost = bytesMost;
  }

  /**
   * Calls `take` for each message that is whole now; it may keep the bytes, which are a piece of a chunk.
   * @throws FrameError; nothing is to be read after it
   */
  read(chunk: Buffer, take: (message: Buffer) => void): void {
    let rest = this.#length === 0 ? chunk : this.#joined(chunk);
    while (rest !== undefined && rest.length >= HEAD_BYTES) {
      const length = this.#lengthOf(rest);
      if (rest.length < length) break;
      take(rest.subarray(HEAD_BYTES, length));
      rest = rest.subarray(length);
      this.#needed = 0;
    }
    if (rest !== undefined && rest.length > 0) {
      this.#chunks = [rest];
      this.#length = rest.length;
    }
  }

  /** All that came, once it is a whole message; a long one is not put together at each of its pieces. */
  #joined(chunk: Buffer): Buffer | undefined {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < Math.max(HEAD_BYTES, this.#needed)) return undefined;
    const all = Buffer.concat(this.#chunks, this.#length);
    this.#chunks = [];
    this.#length = 0;
    return all;
  }

  #lengthOf(bytes: Buffer): number {
    if (bytes[0] !== 0) throw new FrameError(status.UNIMPLEMENTED, 'compressed messages are not taken');
    const length = bytes.readUInt32BE(1);
    if (length > this.#bytesMost) {
      throw new FrameError(status.RESOURCE_EXHAUSTED, `a message of ${length} bytes; ${this.#bytesMost} is the most`);
    }
    this.#needed = HEAD_BYTES + length;
    return this.#needed;
  }
}

export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, HEAD_BYTES);
  return frame;
}
