/** One seeded run: a cluster forms, faults come, all heals; the invariants are checked after each event. */
import { specOf } from './cluster.ts';
import { type Fault, inject } from './faults.ts';
import { Kernel, Random } from './kernel.ts';
import { scheduleOf } from './schedule.ts';
import { World } from './world.ts';

export interface SimulationResult {
  readonly seed: number;
  readonly violation: string | null;
  /** Same seed, same hash. */
  readonly traceHash: string;
  /** All that was noted, oldest first. */
  readonly trace: readonly string[];
  /** Changes of primary after which writes were let in. */
  readonly failovers: number;
  readonly acknowledged: number;
  /** Events of virtual time. */
  readonly events: number;
  /** How often each fault was injected. */
  readonly faults: Readonly<Record<string, number>>;
}

export interface SimulateOptions {
  /** Instead of the one that belongs to the seed. */
  readonly schedule?: readonly Fault[];
  /** Another course of the same schedule. Default 0. */
  readonly variant?: number;
}

/** The limits for forming, for a quiet moment, and for becoming writable after healing, ms of virtual time. */
const FORM_MS = 20_000;
const CALM_MS = 3000;
const CONVERGE_MS = 30_000;

export async function simulate(seed: number, options: SimulateOptions = {}): Promise<SimulationResult> {
  const kernel = new Kernel(seed + (options.variant ?? 0) * 0x9e3779b1);
  const spec = specOf(new Random(seed));
  const world = new World(kernel, spec);
  const { invariants } = world;
  const faults: Record<string, number> = {};
  world.begin();
  await runUntil(world, () => isWritable(world), FORM_MS);
  if (!isWritable(world)) invariants.broken('converges: the cluster did not form');
  for (const fault of options.schedule ?? scheduleOf(new Random(~seed), spec)) {
    if (fault.calm) await runUntil(world, () => isCalm(world), CALM_MS);
    await runUntil(world, () => false, fault.gapMs);
    if (invariants.violation) break;
    faults[fault.kind] = (faults[fault.kind] ?? 0) + 1;
    inject(world, fault, new Random(fault.seed));
    world.stir();
  }
  await heal(world);
  if (invariants.violation) world.noteStates();
  return {
    seed,
    violation: invariants.violation?.message ?? null,
    traceHash: kernel.traceHash,
    get trace() {
      return kernel.trace;
    },
    failovers: invariants.failovers,
    acknowledged: world.acknowledgedWrites,
    events: kernel.events,
    faults,
  };
}

async function heal(world: World): Promise<void> {
  const { invariants } = world;
  world.heal();
  world.people.undo();
  if (!world.controlPlane) world.startControlPlane();
  for (const name of world.agents.keys()) world.startInstance(name);
  const before = world.acknowledgedWrites;
  const written = () => world.acknowledgedWrites > before && isWritable(world);
  await runUntil(world, written, CONVERGE_MS);
  if (!written()) invariants.broken('converges: not writable within 30 s after healing');
  invariants.final();
}

async function runUntil(world: World, done: () => boolean, limitMs: number): Promise<void> {
  const { kernel, invariants } = world;
  const until = kernel.now + limitMs;
  while (kernel.touched) await kernel.turn();
  while (!invariants.violation && !done() && kernel.step(until)) {
    while (kernel.touched) await kernel.turn();
    invariants.check();
  }
}

/** Every gateway leads somewhere, and that waits for nobody who is away. */
function isWritable(world: World): boolean {
  if (world.acknowledgedWrites === 0) return false;
  for (const gateway of world.gateways) if (world.writable(gateway) === undefined) return false;
  return true;
}

/** And no switchover is on its way: most of them shall come to their end. */
function isCalm(world: World): boolean {
  return world.people.switchovers === 0 && isWritable(world);
}
