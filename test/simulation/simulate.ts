/** One seeded run: a cluster forms, faults come, all heals; the invariants are checked after each event. */
import type { ClusterSpec } from '../../control-plane/model/cluster-spec.ts';
import { Kernel } from './kernel.ts';
import { drain, World } from './world.ts';

export interface SimulationResult {
  readonly seed: number;
  readonly violation: string | null;
  readonly traceHash: string;
  readonly trace: readonly string[];
  readonly failovers: number;
  readonly acknowledged: number;
  readonly faults: Readonly<Record<string, number>>;
}

/** Virtual time with faults, and the limit for becoming writable after healing, ms. */
const FAULTS_MS = 12_000;
const CONVERGE_MS = 30_000;

export async function simulate(seed: number): Promise<SimulationResult> {
  const kernel = new Kernel(seed);
  const world = new World(kernel, specOf(kernel));
  const faults: Record<string, number> = {};
  await world.begin();
  await runUntil(world, () => isWritable(world), 20_000);
  if (!isWritable(world)) world.invariants.violation('converges: the cluster did not form');
  const end = kernel.now + FAULTS_MS;
  scheduleFault(world, faults, end);
  await runUntil(world, () => false, end - kernel.now);
  world.heal();
  if (!world.controlPlaneAlive) await world.startControlPlane();
  for (const name of world.agents.keys()) world.startInstance(name);
  const before = world.acknowledgedWrites;
  await runUntil(world, () => isWritable(world) && world.acknowledgedWrites > before, CONVERGE_MS);
  if (world.acknowledgedWrites === before)
    world.invariants.violation('converges: not writable within 30 s after healing');
  world.invariants.final();
  return {
    seed,
    violation: world.invariants.found?.message ?? null,
    traceHash: kernel.traceHash,
    trace: kernel.trace.slice(-120),
    failovers: world.failovers,
    acknowledged: world.acknowledgedWrites,
    faults,
  };
}

async function runUntil(world: World, done: () => boolean, limitMs: number): Promise<void> {
  const until = world.kernel.now + limitMs;
  while (!world.invariants.found && world.kernel.step(until)) {
    await drain();
    world.invariants.check();
    if (done()) return;
  }
}

function isWritable(world: World): boolean {
  return world.gateways.every((gateway) => world.writable(gateway) !== undefined) && world.acknowledgedWrites > 0;
}

type Fault = (world: World) => void;

const anyInstance = (world: World) => world.kernel.random.pick([...world.agents.keys()]);
const primary = (world: World) => world.agents.get(anyPrimary(world))!.name;

function anyPrimary(world: World): string {
  for (const agent of world.agents.values()) if (agent.postgres.isPrimary && agent.alive) return agent.name;
  return anyInstance(world);
}

function restartLater(world: World, name: string): void {
  world.kernel.after(world.kernel.random.between(100, 4000), () => world.startInstance(name));
}

function healLater(world: World): void {
  world.kernel.after(world.kernel.random.between(200, 5000), () => world.heal());
}

const FAULTS: Record<string, Fault> = {
  'postmaster of the primary killed': (world) => world.killPostgres(primary(world)),
  'postmaster of any killed': (world) => world.killPostgres(anyInstance(world)),
  'instance of the primary killed': (world) => {
    const name = primary(world);
    world.killInstance(name);
    restartLater(world, name);
  },
  'any instance killed': (world) => {
    const name = anyInstance(world);
    world.killInstance(name);
    restartLater(world, name);
  },
  'control plane killed': (world) => {
    world.killControlPlane();
    world.kernel.after(world.kernel.random.between(50, 2000), () => {
      if (!world.controlPlaneAlive) void world.startControlPlane();
    });
  },
  'primary cut from the control plane': (world) => {
    world.cut('control', primary(world));
    healLater(world);
  },
  'primary isolated': (world) => {
    const name = primary(world);
    world.cut('control', name);
    for (const other of world.agents.keys()) if (other !== name) world.cut(name, other);
    healLater(world);
  },
  'two instances cut': (world) => {
    const a = anyInstance(world);
    const b = anyInstance(world);
    if (a !== b) world.cut(a, b);
    healLater(world);
  },
  'store fails': (world) => {
    world.store.failing = 0.5;
    healLater(world);
  },
  switchover: (world) => world.switchover(world.kernel.random.chance(0.5) ? anyInstance(world) : ''),
};

function scheduleFault(world: World, faults: Record<string, number>, end: number): void {
  const { kernel } = world;
  kernel.after(kernel.random.chance(0.3) ? kernel.random.between(1, 60) : kernel.random.between(60, 2500), () => {
    if (kernel.now >= end) return;
    const name = kernel.random.pick(Object.keys(FAULTS));
    faults[name] = (faults[name] ?? 0) + 1;
    FAULTS[name]!(world);
    scheduleFault(world, faults, end);
  });
}

function specOf(kernel: Kernel): ClusterSpec {
  const instances = kernel.random.pick([2, 3, 3, 3, 4, 5]);
  return {
    name: 'sim',
    instances,
    postgres: { parameters: {}, auth: 'trust' },
    durability: { mode: 'strict', quorum: instances > 3 ? kernel.random.pick([1, 2]) : 1 },
    routes: {
      rw: { port: 5001 },
      ro: { port: 5002, maxLagBytes: 16 * 1024 * 1024, fallback: 'primary' },
      any: { port: 5003 },
    },
    failover: { automatic: true, suspectAfterMs: 1000, leaseMs: 5000 },
  };
}
