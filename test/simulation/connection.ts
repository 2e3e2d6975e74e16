/**
 * The stream between an agent and a control plane. Each side learns of its end by itself: a stream can be half open,
 * and the agent can be back on a new one before the control plane noticed the end of the old.
 */
import type { AgentChannel } from '../../control-plane/manager/manager.ts';
import type { InstanceReport } from '../../control-plane/model/instance.ts';
import type { AgentHello, ControlMessage } from '../../control-plane/runtime/agent-protocol.ts';
import type { AgentModel } from './agent-model.ts';
import type { Kernel } from './kernel.ts';
import { CONTROL, type Network, Pipe } from './network.ts';

/** The control plane's end. */
export interface ControlEnd {
  readonly alive: boolean;
  readonly frozen: boolean;
  onHello(channel: AgentChannel): void;
  onReport(channel: AgentChannel, report: InstanceReport): void;
  onGone(channel: AgentChannel): void;
}

export interface ConnectionOptions {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly agent: AgentModel;
  readonly control: ControlEnd;
  readonly hello: AgentHello;
  /** The control plane took it, perhaps after another one that was begun later. */
  readonly onTaken: () => void;
  /** The agent's side noticed the end. */
  readonly onAgentSideGone: () => void;
}

const DUPLICATES = 0.01;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #toAgent: Pipe;
  readonly #toControl: Pipe;
  readonly #channel: AgentChannel;
  #agentSide = true;
  #controlSide: 'unseen' | 'open' | 'closed' = 'unseen';

  constructor(options: ConnectionOptions) {
    const { kernel, network, agent, control, hello } = options;
    this.#options = options;
    const delay = () => network.lineDelay(agent.name);
    this.#toAgent = new Pipe(
      kernel,
      delay,
      () => this.#holds && !agent.freezer.frozen && network.reachable(CONTROL, agent.name),
    );
    this.#toControl = new Pipe(
      kernel,
      delay,
      () => control.alive && !control.frozen && network.reachable(agent.name, CONTROL),
    );
    this.#channel = { hello, send: (message) => this.#send(message) };
    this.#toControl.send(() => this.#arrived());
  }

  get agent(): AgentModel {
    return this.#options.agent;
  }

  /** The agent's process is still the one that made it. */
  get #holds(): boolean {
    return this.agent.alive && this.agent.bootId === this.#options.hello.bootId;
  }

  /** The agent takes it for usable. */
  get openForAgent(): boolean {
    return this.#agentSide && this.#holds;
  }

  get over(): boolean {
    return !this.#agentSide && this.#controlSide === 'closed';
  }

  /** It is one of this control plane's. */
  isOf(control: ControlEnd): boolean {
    return this.#options.control === control;
  }

  report(report: InstanceReport): void {
    const { control, kernel } = this.#options;
    const arrive = () => {
      if (this.#controlSide === 'open') control.onReport(this.#channel, report);
    };
    this.#toControl.send(arrive);
    if (kernel.random.chance(DUPLICATES)) this.#toControl.send(arrive);
  }

  endAgentSide(): void {
    if (!this.#agentSide) return;
    this.#agentSide = false;
    this.#toAgent.close();
    this.#options.onAgentSideGone();
    this.#tell(() => this.endControlSide());
  }

  endControlSide(): void {
    const before = this.#controlSide;
    if (before === 'closed') return;
    this.#controlSide = 'closed';
    this.#toControl.close();
    const { control } = this.#options;
    if (before === 'open' && control.alive) control.onGone(this.#channel);
    this.#tell(() => this.endAgentSide());
  }

  /** The other side hears of the end with the next packet that gets through. */
  #tell(end: () => void): void {
    const { kernel, network, agent } = this.#options;
    kernel.after(kernel.random.between(1, 500), () => {
      if (this.over) return;
      if (network.connected(CONTROL, agent.name)) end();
      else this.#tell(end);
    });
  }

  #arrived(): void {
    this.#controlSide = 'open';
    try {
      this.#options.control.onHello(this.#channel);
      this.#options.onTaken();
    } catch {
      this.endControlSide();
      this.endAgentSide();
    }
  }

  #send(message: ControlMessage): boolean {
    const { control, kernel, agent } = this.#options;
    if (this.#controlSide !== 'open' || !control.alive) return false;
    const arrive = () => {
      if (!this.openForAgent) return;
      if (message.kind === 'goal') kernel.note(`${agent.name} gets ${message.id}`);
      agent.receive(message);
    };
    this.#toAgent.send(arrive);
    if (message.kind === 'goal' && kernel.random.chance(DUPLICATES)) this.#toAgent.send(arrive);
    return true;
  }
}
