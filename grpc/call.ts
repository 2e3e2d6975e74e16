/** One call at the server: a stream of messages each way over a stream of HTTP/2. */
import { constants, type ServerHttp2Stream } from 'node:http2';
import { status } from '@grpc/grpc-js';
import type { ServedMethod } from '../proto/service.ts';
import { FrameError, FrameReader, framed } from './frames.ts';
import { type CallStatus, trailersOf } from './trailers.ts';

/** The server's side of a call. */
export interface ServerCall<Response> {
  /** `ADDRESS:PORT` of the client. */
  readonly peer: string;
  /** Messages can still be written: neither side ended the call. */
  readonly isOpen: boolean;
  /** The client has not read what was written: wait for onDrain. */
  readonly isFull: boolean;
  /** Tells the client that the call was taken, before there is a message for it. */
  accept(): void;
  /**
   * What is written in one turn of the event loop goes out in one piece when the turn ends. A message that can't be written
   * ends the call with INTERNAL.
   * @returns false when the client should read first; the message goes out all the same
   */
  write(message: Response): boolean;
  /** Ends the call well. onClosed is called within it. */
  end(): void;
  /** Ends the call with a status. onClosed is called within it. */
  fail(code: status, details: string): void;
  /** The client is not read from until resume(). */
  pause(): void;
  resume(): void;
}

/** What the service does about a call. */
export interface CallHandler<Request> {
  onMessage(message: Request): void;
  /** The client will send no more. */
  onEnd(): void;
  /** What was written has gone, after write() answered false. */
  onDrain?(): void;
  /** Once, however the call ended; nothing is called after it. */
  onClosed(): void;
}

const RESPONSE_HEADERS = {
  ':status': 200,
  'content-type': 'application/grpc+proto',
  'grpc-accept-encoding': 'identity',
} as const;
/** Headers go out before their trailers; nobody needs to know the server's time. */
const WITH_TRAILERS = { waitForTrailers: true, sendDate: false } as const;
const AT_ONCE = { endStream: true, sendDate: false } as const;

export class StreamCall<Request, Response> implements ServerCall<Response> {
  readonly peer: string;
  readonly #stream: ServerHttp2Stream;
  readonly #method: ServedMethod<Request, Response>;
  readonly #frames: FrameReader;
  #handler: CallHandler<Request> | undefined;
  #isClosed = false;

  constructor(
    stream: ServerHttp2Stream,
    method: ServedMethod<Request, Response>,
    { peer, messageBytesMost }: { readonly peer: string; readonly messageBytesMost: number },
  ) {
    this.peer = peer;
    this.#stream = stream;
    this.#method = method;
    this.#frames = new FrameReader(messageBytesMost);
  }

  /** From now on the handler hears what happens. */
  serve(handler: CallHandler<Request>): void {
    if (this.#isClosed) {
      handler.onClosed();
      return;
    }
    this.#handler = handler;
    const stream = this.#stream;
    stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    stream.on('drain', () => this.#handler?.onDrain?.());
    stream.on('end', () => this.#handler?.onEnd());
    stream.on('close', () => this.#close());
  }

  get isOpen(): boolean {
    return !this.#isClosed && this.#stream.writable;
  }

  get isFull(): boolean {
    return this.#stream.writableNeedDrain;
  }

  accept(): void {
    if (!this.#stream.headersSent && this.isOpen) this.#stream.respond(RESPONSE_HEADERS, WITH_TRAILERS);
  }

  write(message: Response): boolean {
    if (!this.isOpen) return false;
    let bytes: Uint8Array;
    try {
      bytes = this.#method.responseSerialize(message);
    } catch (error) {
      this.fail(status.INTERNAL, `the answer can't be written: ${messageOf(error)}`);
      return false;
    }
    this.accept();
    this.#collect();
    return this.#stream.write(framed(bytes));
  }

  /**
   * Without this the second message of a turn would wait until the first is sent, and for all else that the loop does
   * meanwhile.
   */
  #collect(): void {
    const stream = this.#stream;
    if (stream.writableCorked > 0) return;
    stream.cork();
    process.nextTick(() => stream.uncork());
  }

  end(): void {
    this.#finish({ code: status.OK, details: '' });
  }

  fail(code: status, details: string): void {
    this.#finish({ code, details });
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  #onData(chunk: Buffer): void {
    if (this.#isClosed) return;
    try {
      this.#frames.read(chunk, (bytes) => {
        // What came in with a refused message is not looked at.
        if (!this.#isClosed) this.#onMessage(bytes);
      });
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.fail(error.code, error.message);
    }
  }

  #onMessage(bytes: Buffer): void {
    let message: Request;
    try {
      message = this.#method.requestDeserialize(bytes);
    } catch (error) {
      this.fail(status.INVALID_ARGUMENT, `the message can't be read: ${messageOf(error)}`);
      return;
    }
    this.#handler?.onMessage(message);
  }

  #finish(end: CallStatus): void {
    if (this.#isClosed) return;
    const stream = this.#stream;
    const trailers = trailersOf(end);
    if (!stream.destroyed && !stream.closed) {
      if (stream.headersSent) {
        stream.once('wantTrailers', () => stream.sendTrailers(trailers));
        stream.end();
      } else stream.respond({ ...RESPONSE_HEADERS, ...trailers }, AT_ONCE);
      // What the client still says is passed over.
      stream.resume();
    }
    this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.onClosed();
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Ends a stream that is no call of this server. */
export function refuse(stream: ServerHttp2Stream, end: CallStatus): void {
  stream.respond({ ...RESPONSE_HEADERS, ...trailersOf(end) }, AT_ONCE);
}

/** Not gRPC at all. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests */
export function refuseContentType(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': constants.HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE }, AT_ONCE);
}
