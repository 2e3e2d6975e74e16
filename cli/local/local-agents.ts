/**
 * The agents of one `howdah up`: their configuration files, their processes, and that they are those of the clusters'
 * members. Who is a member the control plane tells: an instance that joins gets a place and an agent, the agent of one
 * that left is stopped. A cluster that the control plane does not know keeps its agents: its store may be lost.
 */
import type { ClusterStatus } from '../../control-plane/api/contract.ts';
import type { Clock, Timer } from '../../control-plane/runtime/clock.ts';
import type { Logger } from '../../control-plane/runtime/logger.ts';
import { type AgentSurroundings, agentFile, writeConfig } from './agent-files.ts';
import type { SupervisedChild } from './child.ts';
import type { ChildSet } from './child-set.ts';
import type { LocalPlan } from './local-howdah.ts';
import { placeInstance } from './place.ts';
import { type InstancePlacement, type LocalPlacements, writePlacements } from './placements.ts';

/** How often the members are looked at, ms. */
const LOOK_EVERY_MS = 300;
export const AGENT_STOP_LIMIT_MS = 15_000;

export interface LocalAgentsOptions {
  readonly plan: LocalPlan;
  readonly surroundings: AgentSurroundings;
  readonly children: ChildSet;
  readonly clock: Clock;
  readonly log: Logger;
  /** [] while the control plane can't be asked. */
  clusters(): Promise<readonly ClusterStatus[]>;
  /** Somebody joined or left. */
  onProgress(text: string): void;
}

interface Agent {
  readonly cluster: string;
  readonly child: SupervisedChild;
}

export class LocalAgents {
  readonly #options: LocalAgentsOptions;
  /** By instance name. */
  readonly #agents = new Map<string, Agent>();
  #placements: LocalPlacements;
  #timer: Timer | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: LocalAgentsOptions) {
    this.#options = options;
    this.#placements = options.plan.placements;
  }

  /** Starts the agents of the plan that `wanted` picks and that don't run yet. */
  start(wanted: (instance: string) => boolean): void {
    for (const { spec } of this.#options.plan.clusters) {
      for (const [instance, placement] of Object.entries(this.#placements.clusters[spec.name]!.instances)) {
        if (wanted(instance) && !this.#agents.has(instance)) this.#start(spec.name, instance, placement);
      }
    }
  }

  /** From now on the agents are those of the members, until stop(). */
  follow(): void {
    if (this.#stopped) return;
    this.#timer = this.#options.clock.after(LOOK_EVERY_MS, () => {
      this.#looking = this.#look()
        .catch((error) => this.#options.log.error({ err: error }, 'the agents could not be brought in line'))
        .finally(() => this.follow());
    });
  }

  /** Nobody is started or stopped any more; the agents run on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  async #look(): Promise<void> {
    for (const { name, instances } of await this.#options.clusters()) {
      const members = instances.map((instance) => instance.name);
      for (const instance of members) if (!this.#stopped) await this.#join(name, instance);
      const left = [...this.#agents].filter(
        ([instance, { cluster }]) => cluster === name && !members.includes(instance),
      );
      for (const [instance, agent] of left) if (!this.#stopped) await this.#leave(instance, agent);
    }
  }

  async #join(cluster: string, instance: string): Promise<void> {
    if (this.#agents.has(instance) || this.#placements.clusters[cluster] === undefined) return;
    const placement =
      this.#placements.clusters[cluster].instances[instance] ??
      (await placeInstance(cluster, instance, undefined, this.#options.plan.tools));
    if (this.#stopped) return;
    this.#keep(cluster, instance, placement);
    this.#start(cluster, instance, placement);
    this.#options.onProgress(`${instance} joins`);
  }

  async #leave(instance: string, { cluster, child }: Agent): Promise<void> {
    const { children, plan, onProgress } = this.#options;
    await children.stop([child], AGENT_STOP_LIMIT_MS);
    children.remove(child);
    this.#agents.delete(instance);
    this.#keep(cluster, instance, undefined);
    onProgress(`${instance} left; what it had is kept in ${plan.layout.instanceDirectory(cluster, instance)}`);
  }

  #start(cluster: string, instance: string, placement: InstancePlacement): void {
    const { children, plan, surroundings } = this.#options;
    const { layout, directories } = plan;
    const { spec } = plan.clusters.find((given) => given.spec.name === cluster)!;
    const config = layout.agentConfig(cluster, instance);
    const directory = directories.shorten(layout.instanceDirectory(cluster, instance), instance);
    writeConfig(config, agentFile(spec, { name: instance, directory, placement }, layout, surroundings));
    this.#agents.set(instance, { cluster, child: children.start(instance, 'agent/main', ['--config', config]) });
  }

  /** For the next run, too. */
  #keep(cluster: string, instance: string, placement: InstancePlacement | undefined): void {
    const before = this.#placements.clusters[cluster]!;
    const { [instance]: _former, ...others } = before.instances;
    const instances = placement === undefined ? others : { ...others, [instance]: placement };
    this.#placements = {
      ...this.#placements,
      clusters: { ...this.#placements.clusters, [cluster]: { ...before, instances } },
    };
    writePlacements(this.#options.plan.layout.placementsFile, this.#placements);
  }
}
