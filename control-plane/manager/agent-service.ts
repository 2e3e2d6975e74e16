import type { CallHandler, ServerCall } from '../../grpc/call.ts';
import type { ServiceHost } from '../../grpc/rpc-server.ts';
import { ERROR_CODES, HowdahError } from '../model/errors.ts';
import type { InstanceReport } from '../model/instance.ts';
import type { AgentHello, AgentMessage, ControlMessage } from '../runtime/agent-protocol.ts';
import { AGENT_SERVICE } from '../runtime/agent-wire.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { type AgentConnection, AgentStream } from './agent-stream.ts';

/**
 * The streams of agents at the control plane: who is connected, one stream an instance, the newest one. What was said
 * on a stream is handed on in order; what it means is the manager's.
 */
export type { AgentConnection } from './agent-stream.ts';

export interface AgentServiceOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** A stream said hello. Throwing a HowdahError refuses it. */
  onHello(connection: AgentConnection): void;
  onReport(connection: AgentConnection, report: InstanceReport): void;
  /** Once for each onHello that did not throw; after the onHello of the stream that replaced it, if one did. */
  onGone(connection: AgentConnection, reason: string): void;
}

/**
 * For the gRPC server: an agent that is frozen or cut off is noticed within 2 s. One that was killed is noticed at
 * once, by its connection's end.
 */
export const AGENT_SERVER_OPTIONS = { keepaliveMs: 1_000, keepaliveTimeoutMs: 1_000 } as const;

/** A stream that has not said who it is by then is ended, ms: an agent says so in its first message. */
const HELLO_LIMIT_MS = 3_000;

/** An agent's report has some hundred bytes for each instance of its cluster. */
const MAX_MESSAGE_BYTES = 256 * 1024;

/** What is wrong is told with the status that the error has. */
type Inbound =
  | { readonly kind: 'message'; readonly message: AgentMessage }
  | { readonly kind: 'malformed'; readonly error: HowdahError };

export class AgentService {
  readonly #options: AgentServiceOptions;
  readonly #log: Logger;
  /** By `cluster/instance`. */
  readonly #streams = new Map<string, AgentStream>();
  #count = 0;

  constructor(options: AgentServiceOptions) {
    this.#options = options;
    this.#log = options.log.child({ component: 'agent-service' });
  }

  register(server: ServiceHost): void {
    const method = { ...AGENT_SERVICE.connect, requestDeserialize: decodeInbound };
    server.stream(method, (call) => this.#accept(call));
  }

  /** Ends every stream; onGone is called for each. */
  close(): void {
    for (const stream of [...this.#streams.values()]) this.#leave(stream, 'the control plane stops');
  }

  #accept(call: ServerCall<ControlMessage>): CallHandler<Inbound> {
    let stream: AgentStream | undefined;
    let reason = 'the connection broke';
    const refuse = (error: HowdahError) => {
      this.#log.warn({ peer: call.peer, agent: stream?.id, code: error.code, reason: error.message }, 'agent refused');
      reason = error.message;
      call.fail(ERROR_CODES[error.code].grpc, error.message);
    };
    const limit = this.#options.clock.after(HELLO_LIMIT_MS, () =>
      refuse(new HowdahError('deadline-exceeded', `no hello came within ${HELLO_LIMIT_MS} ms`)),
    );
    return {
      onMessage: (inbound) => {
        limit.cancel();
        try {
          const message = received(inbound);
          if (stream === undefined) stream = this.#hello(call, message);
          else this.#report(stream, message);
        } catch (error) {
          refuse(HowdahError.from(error));
        }
      },
      onDrain: () => stream?.flush(),
      onEnd: () => {
        reason = 'the agent ended the stream';
        call.end();
      },
      onClosed: () => {
        limit.cancel();
        if (stream !== undefined) this.#leave(stream, reason);
      },
    };
  }

  #hello(call: ServerCall<ControlMessage>, message: AgentMessage): AgentStream {
    if (message.kind !== 'hello') {
      throw new HowdahError('invalid-argument', 'the first message of a stream must be the hello');
    }
    this.#count += 1;
    const stream = new AgentStream(`${nameOf(message)}#${this.#count}`, message, call);
    // Before anything else goes out: the agent then knows that it was taken.
    stream.accept();
    this.#options.onHello(stream);
    // An agent may be back before the end of its old connection was noticed.
    const old = this.#streams.get(nameOf(message));
    this.#streams.set(nameOf(message), stream);
    if (old !== undefined) this.#leave(old, `replaced by a newer stream of ${nameOf(message)}`);
    this.#log.info({ agent: stream.id, bootId: message.bootId, peer: call.peer }, 'agent connected');
    return stream;
  }

  #report(stream: AgentStream, message: AgentMessage): void {
    if (message.kind !== 'report') throw new HowdahError('invalid-argument', 'a stream has one hello only');
    const { report } = message;
    if (report.instance !== stream.instance || report.bootId !== stream.hello.bootId) {
      throw new HowdahError(
        'invalid-argument',
        `a report of ${report.instance} (boot ${report.bootId}) on the stream of ${stream.instance} ` +
          `(boot ${stream.hello.bootId})`,
      );
    }
    if (!stream.gone) this.#options.onReport(stream, report);
  }

  #leave(stream: AgentStream, reason: string): void {
    if (stream.gone) return;
    stream.close();
    if (this.#streams.get(nameOf(stream.hello)) === stream) this.#streams.delete(nameOf(stream.hello));
    this.#log.info({ agent: stream.id, reason }, 'agent gone');
    this.#options.onGone(stream, reason);
  }
}

function nameOf(hello: AgentHello): string {
  return `${hello.cluster}/${hello.instance}`;
}

function received(inbound: Inbound): AgentMessage {
  if (inbound.kind === 'malformed') throw inbound.error;
  return inbound.message;
}

function decodeInbound(bytes: Buffer): Inbound {
  try {
    if (bytes.length > MAX_MESSAGE_BYTES) {
      throw new HowdahError('resource-exhausted', `a message of ${bytes.length} bytes, over ${MAX_MESSAGE_BYTES}`);
    }
    return { kind: 'message', message: AGENT_SERVICE.connect.requestDeserialize(bytes) };
  } catch (error) {
    return { kind: 'malformed', error: HowdahError.from(error) };
  }
}
