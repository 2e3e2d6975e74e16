/** One seeded run: a cluster forms, faults come, all heals; the invariants are checked after each event. */
import { specOf } from './cluster.ts';
import { scheduleFaults } from './faults.ts';
import { Kernel } from './kernel.ts';
import { World } from './world.ts';

export interface SimulationResult {
  readonly seed: number;
  readonly violation: string | null;
  /** Same seed, same hash. */
  readonly traceHash: string;
  /** The last events. */
  readonly trace: readonly string[];
  /** Changes of primary. */
  readonly promotions: number;
  readonly acknowledged: number;
  /** Events of virtual time. */
  readonly events: number;
  /** How often each fault was injected. */
  readonly faults: Readonly<Record<string, number>>;
}

/** Virtual time with faults, and the limit for becoming writable after healing, ms. */
const FAULTS_MS = 12_000;
const CONVERGE_MS = 30_000;

export async function simulate(seed: number): Promise<SimulationResult> {
  const kernel = new Kernel(seed);
  const world = new World(kernel, specOf(kernel.random));
  const { invariants } = world;
  const faults: Record<string, number> = {};
  world.begin();
  await runUntil(world, () => isWritable(world), 20_000);
  if (!isWritable(world)) invariants.violation('converges: the cluster did not form');
  const end = kernel.now + FAULTS_MS;
  scheduleFaults(world, faults, end);
  await runUntil(world, () => false, FAULTS_MS);
  world.heal();
  if (!world.controlPlane) world.startControlPlane();
  for (const name of world.agents.keys()) world.startInstance(name);
  const before = world.acknowledgedWrites;
  const written = () => world.acknowledgedWrites > before && isWritable(world);
  await runUntil(world, written, CONVERGE_MS);
  if (!written()) invariants.violation('converges: not writable within 30 s after healing');
  invariants.final();
  if (invariants.found) world.noteStates();
  return {
    seed,
    violation: invariants.found?.message ?? null,
    traceHash: kernel.traceHash,
    trace: kernel.trace,
    promotions: world.promotions,
    acknowledged: world.acknowledgedWrites,
    events: kernel.events,
    faults,
  };
}

async function runUntil(world: World, done: () => boolean, limitMs: number): Promise<void> {
  const { kernel, invariants } = world;
  const until = kernel.now + limitMs;
  await kernel.drain();
  while (!invariants.found && kernel.step(until)) {
    if (!kernel.drained) await kernel.drain();
    invariants.check();
    if (done()) return;
  }
}

function isWritable(world: World): boolean {
  return world.acknowledgedWrites > 0 && world.gateways.every((gateway) => world.writable(gateway) !== undefined);
}
