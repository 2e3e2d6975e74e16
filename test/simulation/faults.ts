/** What happens to a cluster in a run: faults as they come on real machines, and what people ask for. */

import { CONTROL } from './network.ts';
import type { World } from './world.ts';

type Fault = (world: World) => void;

const anyInstance = (world: World) => world.kernel.random.pick([...world.agents.keys()]);
const others = (world: World, name: string) => [...world.agents.keys()].filter((other) => other !== name);

function primary(world: World): string {
  for (const agent of world.agents.values()) if (agent.postgres.isPrimary && agent.alive) return agent.name;
  return anyInstance(world);
}

function kill(world: World, name: string, power: boolean): void {
  world.killInstance(name, power);
  world.kernel.after(world.kernel.random.between(100, 4000), () => world.startInstance(name));
}

function healLater(world: World): void {
  world.kernel.after(world.kernel.random.between(200, 5000), () => world.heal());
}

function isolate(world: World, name: string, oneWay: 'out' | 'in' | 'both'): void {
  for (const other of [CONTROL, ...others(world, name)]) {
    if (oneWay === 'out') world.cut(name, other, true);
    else if (oneWay === 'in') world.cut(other, name, true);
    else world.cut(name, other, false);
  }
  healLater(world);
}

const whileFrozen = (world: World) => world.kernel.random.between(50, 6000);

const FAULTS: Readonly<Record<string, Fault>> = {
  'postmaster of the primary killed': (world) => world.killPostgres(primary(world)),
  'postmaster of any killed': (world) => world.killPostgres(anyInstance(world)),
  'instance of the primary killed': (world) => kill(world, primary(world), false),
  'any instance killed': (world) => kill(world, anyInstance(world), false),
  'power of the primary lost': (world) => kill(world, primary(world), true),
  'power of any lost': (world) => kill(world, anyInstance(world), true),
  'power of all lost': (world) => {
    for (const name of world.agents.keys()) kill(world, name, true);
  },
  'control plane killed': (world) => {
    world.killControlPlane();
    world.kernel.after(world.kernel.random.between(50, 2000), () => {
      if (!world.controlPlane) world.startControlPlane();
    });
  },
  'control plane frozen': (world) => world.freezeControlPlane(whileFrozen(world)),
  'control plane replaced while it runs': (world) => world.replaceControlPlane(),
  'primary cut from the control plane': (world) => {
    world.cut(CONTROL, primary(world), world.kernel.random.chance(0.3));
    healLater(world);
  },
  'primary isolated': (world) => isolate(world, primary(world), 'both'),
  'primary isolated one way': (world) => isolate(world, primary(world), world.kernel.random.pick(['in', 'out'])),
  'primary cut from its standbys': (world) => {
    const name = primary(world);
    for (const other of others(world, name)) world.cut(name, other, world.kernel.random.chance(0.3));
    healLater(world);
  },
  'two instances cut': (world) => {
    const a = anyInstance(world);
    const b = anyInstance(world);
    if (a !== b) world.cut(a, b, world.kernel.random.chance(0.5));
    healLater(world);
  },
  'network slow': (world) => {
    world.network.spikes = 0.3;
    healLater(world);
  },
  'agent frozen': (world) => world.freeze(anyInstance(world), { agent: true, postgres: false }, whileFrozen(world)),
  'PostgreSQL frozen': (world) => world.freeze(primary(world), { agent: false, postgres: true }, whileFrozen(world)),
  'instance frozen': (world) => {
    const name = world.kernel.random.chance(0.6) ? primary(world) : anyInstance(world);
    world.freeze(name, { agent: true, postgres: true }, whileFrozen(world));
  },
  'disk slow': (world) => {
    const agent = world.agents.get(anyInstance(world))!;
    agent.slowDisk = agent.postgres.slowDisk = true;
    healLater(world);
  },
  'store fails': (world) => {
    world.store.failing = 0.5;
    healLater(world);
  },
  'store slow': (world) => {
    world.store.slow = true;
    healLater(world);
  },
  switchover: (world) => world.switchover(world.kernel.random.chance(0.5) ? anyInstance(world) : ''),
};

const NAMES = Object.keys(FAULTS);

/** One fault, the next some time later, until `end`. Often they come in flocks. */
export function scheduleFaults(world: World, counts: Record<string, number>, end: number): void {
  const { kernel } = world;
  kernel.after(kernel.random.chance(0.3) ? kernel.random.between(1, 60) : kernel.random.between(60, 2500), () => {
    if (kernel.now >= end) return;
    const name = kernel.random.pick(NAMES);
    counts[name] = (counts[name] ?? 0) + 1;
    FAULTS[name]!(world);
    scheduleFaults(world, counts, end);
  });
}
