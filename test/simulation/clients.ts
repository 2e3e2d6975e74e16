/**
 * What applications do: through each gateway a session that lives as long as Envoy lets it, and beside each PostgreSQL
 * clients that no route leads, which write to whatever is a primary. They know of a write that it was acknowledged, or
 * that it was never begun; anything else is indeterminate.
 */
import type { AgentModel } from './agent-model.ts';
import { type EnvoyModel, isCarried, type Session } from './envoy-model.ts';
import type { World } from './world.ts';

/** A listener that changed has ended its sessions after this long at the latest, ms. */
const DRAIN_MS = 20;
/** The health check of an endpoint that fails, or whose agent is silent, has ended its sessions after this long, ms. */
const UNFIT_MS = 250;
const SILENT_MS = 1000;
/** Around what happens to the cluster clients write often, ms. */
const LIVELY_MS = 60;

const NOBODY: readonly AgentModel[] = [];

/** A session and since when it is known to end. */
interface Live extends Session {
  readonly agent: AgentModel;
  uncarriedSince: number | null;
  unfitSince: number | null;
  /** Writes without an answer so far. */
  readonly open: Set<number>;
}

export class Clients {
  readonly #world: World;
  readonly #sessions = new Map<string, Live>();
  #writes = 0;

  constructor(world: World) {
    this.#world = world;
  }

  begin(): void {
    for (const gateway of this.#world.gateways) this.#application(gateway);
    for (const agent of this.#world.agents.values()) this.#local(agent);
  }

  /** Where writes through a gateway can get to at this moment: by its live session, and by a new one. */
  reached(gateway: EnvoyModel): readonly AgentModel[] {
    const session = this.#sessions.get(gateway.node);
    const fresh = this.#world.writable(gateway);
    const live = session && this.#lives(session, gateway) ? session.agent : undefined;
    const first = live?.postgres.isPrimary ? live : undefined;
    const second = fresh !== live && fresh?.postgres.isPrimary ? fresh : undefined;
    if (first && second) return [first, second];
    const one = first ?? second;
    return one ? [one] : NOBODY;
  }

  /** Ends what Envoy would have ended by now; called by the world's clockwork. */
  check(): void {
    for (const gateway of this.#world.gateways) {
      const session = this.#sessions.get(gateway.node);
      if (session && !this.#lives(session, gateway)) this.#end(gateway, session);
    }
  }

  #lives(session: Live, gateway: EnvoyModel): boolean {
    const { kernel } = this.#world;
    const { agent } = session;
    if (!agent.alive || `${agent.bootId}/${agent.postgres.run}` !== session.run) return false;
    const carried = isCarried(session, gateway, this.#world.envoy(session.target));
    session.uncarriedSince = carried ? null : (session.uncarriedSince ?? kernel.now);
    const fit = !agent.freezer.frozen && agent.isFit(session.epoch);
    session.unfitSince = fit ? null : (session.unfitSince ?? kernel.now);
    if (session.uncarriedSince !== null && kernel.now - session.uncarriedSince > DRAIN_MS) return false;
    const unfitMs = agent.freezer.frozen ? SILENT_MS : UNFIT_MS;
    return session.unfitSince === null || kernel.now - session.unfitSince <= unfitMs;
  }

  /** What was not answered may have happened or not. */
  #end(gateway: EnvoyModel, session: Live): void {
    this.#sessions.delete(gateway.node);
    for (const id of session.open) this.#world.invariants.indeterminate(id);
  }

  #application(gateway: EnvoyModel): void {
    const { kernel } = this.#world;
    this.#transaction(gateway);
    kernel.after(this.#pause(30, 400), () => this.#application(gateway));
  }

  #transaction(gateway: EnvoyModel): void {
    const { invariants } = this.#world;
    const session = this.#sessionOf(gateway);
    if (!session) return;
    const { postgres, name } = session.agent;
    const seen = postgres.read();
    if (seen) invariants.read(name, seen.record, seen.position);
    const id = ++this.#writes;
    session.open.add(id);
    postgres.write(id, () => session.open.delete(id));
  }

  #sessionOf(gateway: EnvoyModel): Live | undefined {
    const session = this.#sessions.get(gateway.node);
    if (session && this.#lives(session, gateway)) return session;
    if (session) this.#end(gateway, session);
    const agent = this.#world.writable(gateway);
    if (!agent || agent.postgres.closed) return undefined;
    const run = `${agent.bootId}/${agent.postgres.run}`;
    const made: Live = {
      ...{ target: agent.name, epoch: gateway.rwEpoch, run, agent },
      ...{ uncarriedSince: null, unfitSince: null, open: new Set() },
    };
    this.#sessions.set(gateway.node, made);
    return made;
  }

  #local(agent: AgentModel): void {
    if (agent.alive && !agent.postgres.closed) agent.postgres.write(++this.#writes, () => {});
    this.#world.kernel.after(this.#pause(60, 1000), () => this.#local(agent));
  }

  /** @param livelyMs at most, around what happens @param elseMs at most */
  #pause(livelyMs: number, elseMs: number): number {
    const { kernel, stirredAt } = this.#world;
    const ms = kernel.now - stirredAt < LIVELY_MS ? livelyMs : elseMs;
    return kernel.random.between(ms / 10, ms);
  }
}
