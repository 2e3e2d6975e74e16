/** From files and flags to the plan of a run: every check, the lock, the ports, the passwords, the directories. */
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HowdahError } from '../../control-plane/model/errors.ts';
import type { SystemUser } from '../../control-plane/runtime/binaries/index.ts';
import type { Clock } from '../../control-plane/runtime/clock.ts';
import { endAll, leftChildren } from './children-file.ts';
import { readClusterFiles } from './cluster-files.ts';
import { StateLayout } from './layout.ts';
import type { LocalPlan } from './local-howdah.ts';
import { lockStateDirectory } from './lock.ts';
import { ensurePasswords } from './passwords.ts';
import { type GivenCluster, type PlaceTools, place } from './place.ts';
import { type LocalPlacements, readPlacements, writePlacements } from './placements.ts';
import { PortAllocator, probeLoopback } from './ports.ts';
import { Findings, findPrograms, keptProblems, prepareStateDirectory } from './preflight.ts';
import { ShortDirectories } from './short-directories.ts';
import { type StoreChoice, storeProblems } from './store-choice.ts';

/** Children of a killed run stop by themselves; an agent needs up to 15 s for it. */
const LEFTOVER_LIMIT_MS = 20_000;

export interface PrepareOptions {
  readonly controlPlanes: number;
  readonly store: StoreChoice;
  readonly files: readonly string[];
  /** Absolute. */
  readonly stateDir: string;
  readonly clock: Clock;
  /** 0 <= x < 1 */
  random(): number;
  onProgress?(text: string): void;
}

/** @throws HowdahError with every problem found; nothing is left locked or running then. */
export async function prepareLocal(options: PrepareOptions): Promise<LocalPlan> {
  const findings = new Findings();
  const clusters = readClusterFiles(options.files, findings);
  const programs = await findPrograms(findings, options.store);
  const directory = await findings.attempt('--state-dir', () =>
    prepareStateDirectory(options.stateDir, programs?.user),
  );
  const lock =
    directory === undefined ? undefined : await findings.attempt('--state-dir', () => lockStateDirectory(directory));
  let placed: Placed | undefined;
  try {
    // Without the lock the ports are those of the run that has it.
    if (directory === undefined || lock === undefined) throw giveUp(findings);
    const layout = new StateLayout(directory);
    await waitForLeftovers(layout, options);
    const user = programs?.user ?? null;
    placed = await findings.attempt('--state-dir', () => placeAll(layout, clusters, user, findings, options));
    findings.throwIfAny();
    if (placed === undefined || programs === undefined) throw giveUp(findings);
    const { placements, tools, directories } = placed;
    writePlacements(layout.placementsFile, placements);
    makeSecrets(layout, clusters);
    mkdirSync(layout.gatewayDirectory, { recursive: true, mode: 0o700 });
    return { layout, lock, clusters, placements, tools, directories, programs, store: options.store };
  } catch (error) {
    placed?.directories.remove();
    lock?.release();
    throw error;
  }
}

function giveUp(findings: Findings): HowdahError {
  findings.throwIfAny();
  return new HowdahError('internal', 'a check failed and told nothing');
}

async function waitForLeftovers(layout: StateLayout, options: PrepareOptions): Promise<void> {
  const left = leftChildren(layout.childrenFile);
  if (left.length === 0) return;
  options.onProgress?.(`waiting for ${left.length} processes of the last run to end`);
  await endAll(left, LEFTOVER_LIMIT_MS, options.clock);
}

interface Placed {
  readonly placements: LocalPlacements;
  readonly tools: PlaceTools;
  readonly directories: ShortDirectories;
}

async function placeAll(
  layout: StateLayout,
  clusters: readonly GivenCluster[],
  user: SystemUser | null,
  findings: Findings,
  options: PrepareOptions,
): Promise<Placed> {
  const kept = readPlacements(layout.placementsFile);
  findings.add('failed-precondition', ...keptProblems(clusters, kept, layout.directory));
  if (kept) findings.add('failed-precondition', ...storeProblems(options.store, kept.store, layout.directory));
  const directories = new ShortDirectories(kept?.links);
  const tools: PlaceTools = {
    allocator: new PortAllocator(probeLoopback, options.random),
    socketDirectory: (cluster, instance) => {
      const directory = layout.instanceDirectory(cluster, instance);
      for (const path of [dirname(layout.clusterDirectory(cluster)), layout.clusterDirectory(cluster), directory]) {
        makePassable(path, user);
      }
      const sockets = join(directories.shorten(directory, instance), 'socket');
      mkdirSync(sockets, { recursive: true, mode: 0o700 });
      if (user !== null) chownSync(sockets, user.uid, user.gid);
      return sockets;
    },
  };
  const { placements, problems } = await place(clusters, kept, tools, {
    controlPlanes: options.controlPlanes,
    store: options.store.kind,
  });
  findings.add('failed-precondition', ...problems);
  const { root } = directories;
  return { placements: root === undefined ? placements : { ...placements, links: root }, tools, directories };
}

function makeSecrets(layout: StateLayout, clusters: readonly GivenCluster[]): void {
  for (const { spec } of clusters) {
    if (spec.postgres.auth !== 'scram') continue;
    ensurePasswords(layout.passwordFile(spec.name), layout.passFile(spec.name));
  }
}

/**
 * As root the account of PostgreSQL has to get through, whatever the umask; what is secret is in files of mode 0600 and
 * in directories of mode 0700.
 */
function makePassable(directory: string, user: SystemUser | null): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (user !== null) chmodSync(directory, 0o755);
}
