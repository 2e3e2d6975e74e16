/** The connections between agents and control planes: made, made again, and how each side learns of their end. */
import type { AgentModel } from './agent-model.ts';
import { placementOf } from './cluster.ts';
import { Connection } from './connection.ts';
import type { ControlPlaneModel } from './control-plane-model.ts';
import type { Kernel } from './kernel.ts';
import { CONTROL, type Network } from './network.ts';

export class Links {
  readonly #kernel: Kernel;
  readonly #network: Network;
  readonly #cluster: string;
  readonly #controlPlane: () => ControlPlaneModel | null;
  #connections: readonly Connection[] = [];

  constructor(kernel: Kernel, network: Network, cluster: string, controlPlane: () => ControlPlaneModel | null) {
    this.#kernel = kernel;
    this.#network = network;
    this.#cluster = cluster;
    this.#controlPlane = controlPlane;
  }

  get all(): readonly Connection[] {
    return this.#connections;
  }

  of(agent: AgentModel): readonly Connection[] {
    return this.#connections.filter((connection) => connection.agent === agent);
  }

  /** The agent tries until a control plane takes it. */
  connectSoon(agent: AgentModel): void {
    const { bootId } = agent;
    agent.freezer.after(this.#kernel.random.between(5, 200), () => {
      if (!agent.alive || agent.bootId !== bootId || this.of(agent).some((c) => c.openForAgent)) return;
      const control = this.#controlPlane();
      if (control?.ready && !control.frozen && this.#network.connected(CONTROL, agent.name)) {
        this.#connect(agent, control);
      } else this.connectSoon(agent);
    });
  }

  #connect(agent: AgentModel, control: ControlPlaneModel): void {
    const { name, bootId } = agent;
    const hello = {
      ...({ kind: 'hello', cluster: this.#cluster, instance: name, bootId } as const),
      ...{ placement: placementOf(name), postgresMajor: 18 },
    };
    const onAgentSideGone = () => agent.alive && agent.bootId === bootId && this.connectSoon(agent);
    // As the agents' service does: a stream that another one of its instance replaces is ended.
    const onTaken = () => {
      for (const other of this.of(agent)) if (other !== made && other.isOf(control)) this.#endControlSide(other);
    };
    const made: Connection = new Connection({
      ...{ kernel: this.#kernel, network: this.#network, agent, control, hello, onTaken, onAgentSideGone },
    });
    this.#connections = [...this.#connections, made];
    agent.connected();
  }

  /** Nobody is told: keep-alives find out, each side by itself, if it lasts. */
  hangs(connections: readonly Connection[], still: () => boolean): void {
    const { random } = this.#kernel;
    for (const connection of connections) {
      this.#kernel.after(random.between(1000, 2000), () => still() && connection.endAgentSide());
      this.#kernel.after(random.between(1000, 2000), () => still() && this.#endControlSide(connection));
    }
  }

  /** A process ended: the other side is told by its kernel. */
  ended(connections: readonly Connection[], fromMs: number, toMs: number): void {
    for (const connection of connections) {
      this.#kernel.after(this.#kernel.random.between(fromMs, toMs), () => {
        connection.endAgentSide();
        this.#endControlSide(connection);
      });
    }
  }

  #endControlSide(connection: Connection): void {
    connection.endControlSide();
    this.#connections = this.#connections.filter((other) => !other.over);
  }
}
