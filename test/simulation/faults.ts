/** What happens to a cluster in a run: faults as they come on real machines, and what people ask for. */
import type { Random } from './kernel.ts';
import { CONTROL, SPIKES } from './network.ts';
import type { World } from './world.ts';

/** One of a run's schedule. Its choices come from a seed of its own, so that another one can be left out. */
export interface Fault {
  readonly kind: FaultKind;
  /** It waits until clients are served again (for a while), then so many ms. */
  readonly calm: boolean;
  readonly gapMs: number;
  readonly seed: number;
}

type Injection = (world: World, random: Random) => void;

const anyInstance = (world: World, random: Random) => random.pick([...world.agents.keys()]);
const others = (world: World, name: string) => [...world.agents.keys()].filter((other) => other !== name);

function primary(world: World, random: Random): string {
  for (const agent of world.agents.values()) if (agent.postgres.isPrimary && agent.alive) return agent.name;
  return anyInstance(world, random);
}

/** Mostly short, sometimes longer than all that anybody waits for, ms. */
const span = (random: Random) => (random.chance(0.75) ? random.between(20, 400) : random.between(400, 6000));

function afterAWhile(world: World, random: Random, action: () => void): void {
  world.kernel.after(span(random), action);
}

function kill(world: World, random: Random, name: string, power: boolean): void {
  world.killInstance(name, power);
  afterAWhile(world, random, () => world.startInstance(name));
}

type Way = readonly [from: string, to: string, oneWay: boolean];

/** Other cuts of the same ways go on. */
function cutForAWhile(world: World, random: Random, ways: readonly Way[]): void {
  for (const way of ways) world.cut(...way);
  afterAWhile(world, random, () => {
    for (const way of ways) world.mend(...way);
    world.stir();
  });
}

function isolate(world: World, random: Random, name: string, oneWay: 'out' | 'in' | 'both'): void {
  const ways = [CONTROL, ...others(world, name)].map((other): Way => {
    if (oneWay === 'in') return [other, name, true];
    return [name, other, oneWay === 'out'];
  });
  cutForAWhile(world, random, ways);
}

/** Sometimes whichever it hits; what happens to the primary matters more. */
const mostlyPrimary = (world: World, random: Random) =>
  random.chance(0.6) ? primary(world, random) : anyInstance(world, random);

const FAULTS = {
  'postmaster of the primary killed': (world, random) => world.killPostgres(primary(world, random)),
  'postmaster of any killed': (world, random) => world.killPostgres(anyInstance(world, random)),
  'instance of the primary killed': (world, random) => kill(world, random, primary(world, random), false),
  'any instance killed': (world, random) => kill(world, random, anyInstance(world, random), false),
  'power of the primary lost': (world, random) => kill(world, random, primary(world, random), true),
  'power of any lost': (world, random) => kill(world, random, anyInstance(world, random), true),
  'power of all lost': (world, random) => {
    for (const name of world.agents.keys()) kill(world, random, name, true);
  },
  'control plane killed': (world, random) => {
    world.killControlPlane();
    afterAWhile(world, random, () => {
      if (!world.controlPlane) world.startControlPlane();
    });
  },
  'control plane frozen': (world, random) => world.freezeControlPlane(span(random)),
  'control plane replaced while it runs': (world, random) => world.replaceControlPlane(random.between(200, 4000)),
  'primary cut from the control plane': (world, random) => {
    cutForAWhile(world, random, [[CONTROL, primary(world, random), random.chance(0.3)]]);
  },
  'primary isolated': (world, random) => isolate(world, random, primary(world, random), 'both'),
  'primary isolated one way': (world, random) =>
    isolate(world, random, primary(world, random), random.pick(['in', 'out'])),
  'primary cut from its standbys': (world, random) => {
    const name = primary(world, random);
    const ways = others(world, name).map((other): Way => [name, other, random.chance(0.3)]);
    cutForAWhile(world, random, ways);
  },
  'two instances cut': (world, random) => {
    const a = anyInstance(world, random);
    const b = anyInstance(world, random);
    if (a !== b) cutForAWhile(world, random, [[a, b, random.chance(0.5)]]);
  },
  'replication flaps': (world, random) => {
    const lasts = span(random);
    for (let at = 0; at < lasts; at += random.between(10, 200)) {
      const standby = anyInstance(world, random);
      const away = random.between(1, 150);
      world.kernel.after(at, () => world.dropReplication(standby, away));
    }
  },
  'control plane far away': (world, random) => {
    const names = random.chance(0.5) ? [primary(world, random)] : [...world.agents.keys()];
    // Twice that is about when a lease ends.
    const ms = random.between(100, 500);
    for (const name of names) world.network.setFar(name, ms);
    world.kernel.after(random.between(300, 4000), () => {
      for (const name of names) world.network.setFar(name, 0);
    });
  },
  'proxies slow': (world, random) => {
    world.network.proxyMs = random.between(50, 1000);
    afterAWhile(world, random, () => {
      world.network.proxyMs = 0;
    });
  },
  'network slow': (world, random) => {
    world.network.spikes = 0.3;
    afterAWhile(world, random, () => {
      world.network.spikes = SPIKES;
    });
  },
  'agent frozen': (world, random) => {
    const { durability, failover } = world.spec;
    // Nothing ends the PostgreSQL of an agent that hangs for longer, and where no promises do, nobody can tell.
    const longest = durability.mode === 'async' ? failover.leaseMs * 0.15 : Number.POSITIVE_INFINITY;
    world.freeze(anyInstance(world, random), { agent: true, postgres: false }, Math.min(span(random), longest));
  },
  'PostgreSQL frozen': (world, random) =>
    world.freeze(primary(world, random), { agent: false, postgres: true }, span(random)),
  'instance frozen': (world, random) => {
    world.freeze(mostlyPrimary(world, random), { agent: true, postgres: true }, span(random));
  },
  'disk slow': (world, random) => {
    const agent = world.agents.get(mostlyPrimary(world, random))!;
    agent.slowDisk = agent.postgres.slowDisk = true;
    afterAWhile(world, random, () => {
      agent.slowDisk = agent.postgres.slowDisk = false;
    });
  },
  'settings read late': (world, random) => {
    const names = random.chance(0.4) ? [...world.agents.keys()] : [mostlyPrimary(world, random)];
    const all = names.map((name) => world.agents.get(name)!.postgres.settings);
    for (const settings of all) settings.late = true;
    afterAWhile(world, random, () => {
      for (const settings of all) settings.late = false;
    });
  },
  'store fails': (world, random) => {
    world.store.failing = 0.5;
    afterAWhile(world, random, () => {
      world.store.failing = 0;
    });
  },
  'store slow': (world, random) => {
    world.store.slow = true;
    afterAWhile(world, random, () => {
      world.store.slow = false;
    });
  },
  switchover: (world, random) =>
    world.people.switchover(random.chance(0.5) ? anyInstance(world, random) : '', random.pick([0, 50])),
  'failover by hand': (world, random) => {
    const to = random.chance(0.3) ? anyInstance(world, random) : '';
    const ask = () => world.people.ask({ kind: 'failover', to, acceptDataLoss: false });
    // Somebody sees a primary that is cut off, and does not wait.
    if (random.chance(0.4)) isolate(world, random, primary(world, random), 'both');
    world.kernel.after(random.between(0, 150), ask);
  },
  'automatic failover paused': (world, random) => {
    world.people.ask({ kind: 'pause' });
    world.kernel.after(random.between(200, 3000), () => world.people.ask({ kind: 'resume' }));
  },
  'instance fenced': (world, random) => {
    const instance = random.chance(0.5) ? primary(world, random) : anyInstance(world, random);
    world.people.ask({ kind: 'fence', instance, force: random.chance(0.3) });
    world.kernel.after(random.between(200, 3000), () => world.people.ask({ kind: 'unfence', instance }));
  },
  'restart of one': (world, random) => {
    const instance = random.chance(0.5) ? primary(world, random) : anyInstance(world, random);
    world.people.ask({ kind: 'restart', instance });
  },
  'restart of all': (world) => world.people.ask({ kind: 'rolling-restart', why: 'by hand', waitMs: 0 }),
  'standby copied anew': (world, random) => world.people.ask({ kind: 'reinit', instance: anyInstance(world, random) }),
  'wall clock stepped': (world, random) => {
    const hour = 3_600_000;
    const ms = random.pick([-1, 1]) * random.pick([hour, 87_600 * hour]);
    const { controlPlane } = world;
    if (controlPlane && random.chance(0.3)) controlPlane.clock.stepWall(ms);
    else world.agents.get(mostlyPrimary(world, random))!.clock.stepWall(ms);
  },
  'store rolled back': (world, random) => {
    world.store.rollBack(Math.floor(random.between(1, 20)));
    afterAWhile(world, random, () => world.store.restore());
  },
  'quorum changed': (world, random) => {
    const before = world.store.record?.spec.durability.quorum ?? 1;
    world.people.changeQuorum(3 - before);
    // Somebody thinks better of it.
    for (let at = random.between(5, 60), back = before; random.chance(0.6); at += random.between(5, 60)) {
      const quorum = back;
      world.kernel.after(at, () => world.people.changeQuorum(quorum));
      back = 3 - back;
    }
  },
  'waiting commits cancelled': (world, random) => {
    const { postgres } = world.agents.get(primary(world, random))!;
    for (let i = 0; i < 20; i++) world.kernel.after(i * 2, () => postgres.cancelCommit() && world.cancelled++);
  },
} satisfies Readonly<Record<string, Injection>>;

export type FaultKind = keyof typeof FAULTS;

export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[];

export function inject(world: World, fault: Fault, random: Random): void {
  FAULTS[fault.kind](world, random);
}

/** For people. */
export function formatFault({ kind, calm, gapMs }: Fault): string {
  return `${calm ? 'served again, then ' : ''}${gapMs.toFixed(1)} ms later: ${kind}`;
}
