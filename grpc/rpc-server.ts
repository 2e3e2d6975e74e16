/**
 * A gRPC server on node:http2: what many long streams with few messages need, and no more. A stream costs the HTTP/2
 * stream and one small object; @grpc/grpc-js puts several layers around each, which thousands of proxies pay for in memory
 * and in the time that it takes to tell them all. Its clients, and all others, talk to this one as to any.
 */
import {
  constants,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { status } from '@grpc/grpc-js';
import type { ServedMethod } from '../proto/service.ts';
import { type CallHandler, messageOf, refuse, refuseContentType, type ServerCall, StreamCall } from './call.ts';
import { timeoutMs } from './trailers.ts';

export interface RpcServerOptions {
  readonly clock: RpcClock;
  /** Milliseconds between two questions whether the peer still lives. */
  readonly keepaliveMs: number;
  /** Milliseconds that the answer may take; then the connection is ended. */
  readonly keepaliveTimeoutMs: number;
  /** Longest message that is taken, in bytes; a longer one ends its call with RESOURCE_EXHAUSTED. */
  readonly messageBytesMost: number;
  /**
   * A connection takes no new calls after about so long, in milliseconds: 0.9 to 1.1 times; those that it has go on.
   * Default: as long as it lives.
   */
  readonly connectionAge?: { readonly ms: number /** 0 to 1, as Math.random. */; random(): number };
}

export interface RpcClock {
  after(ms: number, action: () => void): { cancel(): void };
}

/** Where services add their methods. */
export interface ServiceHost {
  /** `open` is called for each call and answers who handles it; undefined = it ended the call. */
  stream<Request, Response>(
    method: ServedMethod<Request, Response>,
    open: (call: ServerCall<Response>) => CallHandler<Request> | undefined,
  ): void;
  /** One request, one answer. `answer` rejects with an RpcError to end the call with a status. */
  unary<Request, Response>(
    method: ServedMethod<Request, Response>,
    answer: (request: Request, call: { readonly isOpen: boolean }) => Promise<Response>,
  ): void;
}

/** Ends a call with a status. */
export class RpcError extends Error {
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.name = 'RpcError';
    this.code = code;
  }
}

const LAST_WORDS_MS = 100;

type Serve = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, peer: string) => void;

const HTTP2 = {
  // Thousands of proxies may each have a large configuration under way; what one stream may have is bounded by its service.
  maxSessionMemory: 1_000_000,
  settings: { enablePush: false, maxConcurrentStreams: 4_096 },
} as const;

export class RpcServer implements ServiceHost {
  readonly #options: RpcServerOptions;
  readonly #methods = new Map<string, Serve>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #peers = new WeakMap<Http2Session, string>();
  readonly #servers = new Set<Http2Server | Http2SecureServer>();

  constructor(options: RpcServerOptions) {
    this.#options = options;
  }

  stream<Request, Response>(
    method: ServedMethod<Request, Response>,
    open: (call: ServerCall<Response>) => CallHandler<Request> | undefined,
  ): void {
    this.#methods.set(method.path, (stream, headers, peer) => {
      const call = this.#callOf(method, stream, headers, peer);
      const handler = open(call);
      if (handler) call.serve(handler);
    });
  }

  unary<Request, Response>(
    method: ServedMethod<Request, Response>,
    answer: (request: Request, call: { readonly isOpen: boolean }) => Promise<Response>,
  ): void {
    this.#methods.set(method.path, (stream, headers, peer) => {
      const call = this.#callOf(method, stream, headers, peer);
      let request: { readonly message: Request } | undefined;
      call.serve({
        onMessage: (message) => {
          if (request) call.fail(status.INVALID_ARGUMENT, 'one message is taken');
          request = { message };
        },
        onEnd: () => {
          if (!request) call.fail(status.INVALID_ARGUMENT, 'a message must be sent');
          else void respond(call, answer(request.message, call));
        },
        onClosed: () => {},
      });
    });
  }

  /**
   * @param at port 0 = a free one
   * @returns the port
   * @throws Error when the address can't be listened on
   */
  async listen(at: { readonly host: string; readonly port: number }): Promise<number> {
    const server = createServer(HTTP2);
    this.attach(server);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    server.listen(at, resolve);
    await promise;
    server.off('error', reject);
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Serves what comes in at a server of one's own: one with TLS. */
  attach(server: Http2Server | Http2SecureServer): void {
    this.#servers.add(server);
    server.on('session', (session: ServerHttp2Session) => this.#onSession(session));
    server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => this.#onStream(stream, headers));
  }

  /**
   * Ends all connections, after the last words of calls that were just ended; a peer that does not read them is not waited
   * for. Resolves when none is left.
   */
  async close(): Promise<void> {
    for (const server of this.#servers) server.close();
    const ends = Array.from(this.#sessions, (session) => new Promise((resolve) => session.once('close', resolve)));
    for (const session of this.#sessions) session.close();
    const timer = this.#options.clock.after(LAST_WORDS_MS, () => {
      for (const session of this.#sessions) session.destroy();
    });
    await Promise.all(ends);
    timer.cancel();
  }

  #onSession(session: ServerHttp2Session): void {
    const { clock, connectionAge } = this.#options;
    this.#sessions.add(session);
    const { remoteAddress = '', remotePort = 0 } = session.socket;
    this.#peers.set(session, `${remoteAddress}:${remotePort}`);
    const timers = new Set([this.#keepAlive(session)]);
    if (connectionAge) {
      const age = connectionAge.ms * (0.9 + 0.2 * connectionAge.random());
      timers.add(clock.after(age, () => retire(session)));
    }
    session.once('close', () => {
      this.#sessions.delete(session);
      for (const timer of timers) timer.cancel();
    });
  }

  /** A peer that vanished without a word is noticed. */
  #keepAlive(session: ServerHttp2Session): { cancel(): void } {
    const { clock, keepaliveMs, keepaliveTimeoutMs } = this.#options;
    let timer: { cancel(): void };
    const ask = () => {
      if (session.destroyed) return;
      timer = clock.after(keepaliveTimeoutMs, () => session.destroy());
      const isAsked = session.ping((error) => {
        timer.cancel();
        if (!error && !session.destroyed) timer = clock.after(keepaliveMs, ask);
      });
      // Nothing can be asked of one that is ending.
      if (!isAsked) session.destroy();
    };
    timer = clock.after(keepaliveMs, ask);
    return { cancel: () => timer.cancel() };
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    // A stream that its peer resets; it closes, which is heard.
    stream.on('error', () => {});
    const { ':path': path = '', 'content-type': contentType = '' } = headers;
    if (!contentType.startsWith('application/grpc')) {
      refuseContentType(stream);
      return;
    }
    const serve = this.#methods.get(path);
    const { session } = stream;
    if (serve) serve(stream, headers, (session && this.#peers.get(session)) ?? '');
    else refuse(stream, { code: status.UNIMPLEMENTED, details: `there is no method ${path}` });
  }

  #callOf<Request, Response>(
    method: ServedMethod<Request, Response>,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    peer: string,
  ): StreamCall<Request, Response> {
    const call = new StreamCall(stream, method, { peer, messageBytesMost: this.#options.messageBytesMost });
    const ms = timeoutMs(headers['grpc-timeout']);
    if (ms !== undefined) {
      const late = () => call.fail(status.DEADLINE_EXCEEDED, 'the client waited no longer');
      const timer = this.#options.clock.after(ms, late);
      stream.once('close', () => timer.cancel());
    }
    return call;
  }
}

async function respond<Response>(call: ServerCall<Response>, answer: Promise<Response>): Promise<void> {
  try {
    call.write(await answer);
    call.end();
  } catch (error) {
    failWith(call, error);
  }
}

/** Ends the call with the status that the error has, INTERNAL for one that has none. */
export function failWith(call: ServerCall<never>, error: unknown): void {
  call.fail(error instanceof RpcError ? error.code : status.INTERNAL, messageOf(error));
}

const LARGEST_STREAM_ID = 2 ** 31 - 1;

/** Streams that are under way to it are still taken. */
function retire(session: ServerHttp2Session): void {
  if (session.destroyed) return;
  session.goaway(constants.NGHTTP2_NO_ERROR, LARGEST_STREAM_ID);
  session.close();
}
