import {
  Client,
  type ClientDuplexStream,
  type ClientOptions,
  credentials,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import type { InstanceReport } from '../../control-plane/model/instance.ts';
import type { AgentHello, AgentMessage, ControlMessage } from '../../control-plane/runtime/agent-protocol.ts';
import { AGENT_SERVICE } from '../../control-plane/runtime/agent-wire.ts';
import type { Clock, Timer } from '../../control-plane/runtime/clock.ts';
import type { Component } from '../../control-plane/runtime/component.ts';
import type { Logger } from '../../control-plane/runtime/logger.ts';
import { reconnectDelayMs, STEADY_AFTER_MS } from './reconnect-delay.ts';

/** The agent's one stream to a control plane: made, kept, made again. It decides nothing about what is said. */
export interface LinkOptions {
  /** `HOST:PORT`. */
  readonly address: string;
  /** Asked at each connection. */
  hello(): AgentHello;
  onMessage(message: ControlMessage): void;
  /** The control plane took the hello. */
  onUp(): void;
  /** After each onUp, once. */
  onDown(reason: string): void;
  readonly log: Logger;
  readonly clock: Clock;
  /** 0 to 1, for the jitter of the waits. */
  random(): number;
}

type Stream = ClientDuplexStream<AgentMessage, ControlMessage>;

type State =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'waiting'; readonly timer: Timer }
  | { readonly kind: 'connecting'; readonly client: Client; readonly stream: Stream; readonly limit: Timer }
  | { readonly kind: 'up'; readonly client: Client; readonly stream: Stream; readonly since: number };

/** From the attempt to the control plane's answer to the hello. */
const CONNECT_LIMIT_MS = 2_000;

const CLIENT_OPTIONS: ClientOptions = {
  // A control plane that is frozen or cut off without a word is noticed within 2 s.
  'grpc.keepalive_time_ms': 1_000,
  'grpc.keepalive_timeout_ms': 1_000,
  'grpc.keepalive_permit_without_calls': 1,
  // Each attempt has a connection of its own: a shared one would add gRPC's backoff to ours.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  // Control planes are reached directly; a proxy for the web from the environment is not meant.
  'grpc.enable_http_proxy': 0,
};

export class ControlLink implements Component {
  readonly name = 'control-link';
  readonly #options: LinkOptions;
  readonly #log: Logger;
  #state: State = { kind: 'stopped' };
  /** The newest report that was not sent yet. A report tells the whole state, so older ones are worth nothing. */
  #unsent: InstanceReport | undefined;
  /** The stream that is taking a report at present: the next goes when it has room again. */
  #busy: Stream | undefined;
  #failures = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#log = options.log.child({ component: 'control-link', controlPlane: options.address });
  }

  get connected(): boolean {
    return this.#state.kind === 'up';
  }

  /** Begins to connect; a control plane that isn't there is no failure. */
  async start(): Promise<void> {
    if (this.#state.kind === 'stopped') this.#connect();
  }

  async stop(): Promise<void> {
    this.#unsent = undefined;
    this.#setState({ kind: 'stopped' }, 'the agent stops');
  }

  /** Sends the report, or keeps it until the stream is up and has room; a newer one takes its place. */
  send(report: InstanceReport): void {
    if (this.#state.kind === 'stopped') return;
    this.#unsent = report;
    this.#flush();
  }

  #connect(): void {
    const client = new Client(this.#options.address, credentials.createInsecure(), CLIENT_OPTIONS);
    const { path, requestSerialize, responseDeserialize } = AGENT_SERVICE.connect;
    const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    const limit = this.#options.clock.after(CONNECT_LIMIT_MS, () =>
      this.#onEnd(stream, `no answer within ${CONNECT_LIMIT_MS} ms`),
    );
    this.#setState({ kind: 'connecting', client, stream, limit }, '');
    stream.on('metadata', () => this.#onUp(stream));
    stream.on('data', (message: ControlMessage) => {
      if (this.#streamOf(this.#state) === stream) this.#options.onMessage(message);
    });
    // `status` tells the same and always comes; without a listener an error would be thrown.
    stream.on('error', () => {});
    stream.on('status', (end: StatusObject) => this.#onEnd(stream, `${status[end.code]}: ${end.details}`));
    stream.write(this.#options.hello());
  }

  #onUp(stream: Stream): void {
    if (this.#state.kind !== 'connecting' || this.#state.stream !== stream) return;
    this.#setState({ kind: 'up', client: this.#state.client, stream, since: this.#options.clock.now() }, '');
    this.#log.info('control plane connected');
    this.#options.onUp();
    this.#flush();
  }

  #onEnd(stream: Stream, reason: string): void {
    if (this.#streamOf(this.#state) !== stream) return;
    const steady = this.#state.kind === 'up' && this.#options.clock.now() - this.#state.since >= STEADY_AFTER_MS;
    this.#failures = steady ? 1 : this.#failures + 1;
    const delayMs = Math.round(reconnectDelayMs(this.#failures, this.#options.random()));
    // Said once, not at each of the attempts that follow.
    const level = this.#state.kind === 'up' || this.#failures === 1 ? 'warn' : 'debug';
    this.#log[level]({ reason, delayMs }, 'control plane not connected; trying again');
    this.#setState({ kind: 'waiting', timer: this.#options.clock.after(delayMs, () => this.#connect()) }, reason);
  }

  /** The one place where the state changes: ends what the old one held. */
  #setState(next: State, reason: string): void {
    const old = this.#state;
    this.#state = next;
    if (old.kind === 'waiting') old.timer.cancel();
    if (old.kind === 'connecting') old.limit.cancel();
    if ('client' in old && old.stream !== this.#streamOf(next)) {
      old.stream.cancel();
      old.client.close();
    }
    if (old.kind === 'up') this.#options.onDown(reason);
  }

  #streamOf(state: State): Stream | undefined {
    return 'stream' in state ? state.stream : undefined;
  }

  #flush(): void {
    if (this.#state.kind !== 'up' || this.#busy === this.#state.stream || this.#unsent === undefined) return;
    const { stream } = this.#state;
    const report = this.#unsent;
    this.#unsent = undefined;
    this.#busy = stream;
    stream.write({ kind: 'report', report }, () => {
      if (this.#busy === stream) this.#busy = undefined;
      this.#flush();
    });
  }
}
