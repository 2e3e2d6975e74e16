/** What a control plane hears that knocks at an agent's health port: each time on a connection of its own. */
import type { Door, Sound } from '../../control-plane/manager/knock.ts';
import type { AgentModel } from './agent-model.ts';
import { placementOf } from './cluster.ts';
import type { Kernel } from './kernel.ts';
import { CONTROL, type Network } from './network.ts';

export class Doors {
  readonly #kernel: Kernel;
  readonly #network: Network;
  /** By the directory of their placement. */
  readonly #agents: ReadonlyMap<string, AgentModel>;
  /** Machines without power. */
  readonly #dark = new Set<string>();

  constructor(kernel: Kernel, network: Network, agents: ReadonlyMap<string, AgentModel>) {
    this.#kernel = kernel;
    this.#network = network;
    this.#agents = new Map(Array.from(agents.values(), (agent) => [placementOf(agent.name).socketDir, agent]));
  }

  powerLost(name: string): void {
    this.#dark.add(name);
  }

  powerBack(name: string): void {
    this.#dark.delete(name);
  }

  /** What is lost on the way is not sent again. */
  knock({ placement, epoch, leaseMs, stamp }: Door, hear: (sound: Sound) => void): void {
    const agent = this.#agents.get(placement.socketDir)!;
    const say = (sound: Sound) => this.#kernel.after(this.#network.lineDelay(agent.name), () => hear(sound));
    this.#kernel.after(this.#network.lineDelay(agent.name), () => {
      if (this.#dark.has(agent.name) || !this.#network.connected(CONTROL, agent.name)) return;
      say(agent.alive ? 'connection' : 'refusal');
      if (agent.alive && !agent.freezer.frozen && agent.isFit(epoch)) say({ stamp: agent.knocked(stamp, leaseMs) });
    });
  }
}
