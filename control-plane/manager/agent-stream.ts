import type { ServerCall } from '../../grpc/call.ts';
import type { AgentHello, ControlMessage, GoalCommand } from '../runtime/agent-protocol.ts';

/** One agent's stream as the manager sees it. */
export interface AgentConnection {
  /** `cluster/instance#n`; never used twice by one control plane. */
  readonly id: string;
  readonly cluster: string;
  readonly instance: string;
  readonly hello: AgentHello;
  /**
   * False when it won't arrive: the stream is gone, or the agent reads so slowly that this message was dropped. Goals
   * are not dropped for slowness: the newest one waits.
   */
  send(message: ControlMessage): boolean;
  /** Ends the stream; the agent connects again. Nothing is sent afterwards. */
  close(): void;
}

export class AgentStream implements AgentConnection {
  readonly id: string;
  readonly hello: AgentHello;
  readonly #call: ServerCall<ControlMessage>;
  #closed = false;
  /** The newest goal that found the stream full. */
  #waiting: GoalCommand | undefined;

  constructor(id: string, hello: AgentHello, call: ServerCall<ControlMessage>) {
    this.id = id;
    this.hello = hello;
    this.#call = call;
  }

  get cluster(): string {
    return this.hello.cluster;
  }

  get instance(): string {
    return this.hello.instance;
  }

  get gone(): boolean {
    return this.#closed;
  }

  /** Tells the agent that its hello arrived. */
  accept(): void {
    this.#call.accept();
  }

  send(message: ControlMessage): boolean {
    if (this.#closed || !this.#call.isOpen) return false;
    if (this.#call.isFull) {
      if (message.kind !== 'goal') return false;
      this.#waiting = message;
      return true;
    }
    this.#call.write(message);
    return true;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = undefined;
    this.#call.end();
  }

  /** The agent has read what was written. */
  flush(): void {
    const message = this.#waiting;
    this.#waiting = undefined;
    if (message !== undefined) this.send(message);
  }
}
