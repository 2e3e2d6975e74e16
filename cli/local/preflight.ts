/**
 * Everything that can be wrong before the first process is started, found in one go: the user mends all of it at once.
 */

import { spawnSync } from 'node:child_process';
import { accessSync, chmodSync, constants, mkdirSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { FileProblem } from '../../control-plane/api/document/index.ts';
import { type ErrorCode, HowdahError, type Problem } from '../../control-plane/model/errors.ts';
import {
  findEnvoy,
  findEtcd,
  findPostgres,
  findSetpriv,
  postgresUser,
  type SystemUser,
} from '../../control-plane/runtime/binaries/index.ts';
import type { GivenCluster } from './place.ts';
import type { LocalPlacements } from './placements.ts';
import type { StoreChoice } from './store-choice.ts';

/** Collects mistakes; the first one's code is the code of the whole. */
export class Findings {
  readonly problems: Problem[] = [];
  #code: ErrorCode | undefined;

  add(code: ErrorCode, ...problems: readonly Problem[]): void {
    if (problems.length > 0) this.#code ??= code;
    this.problems.push(...problems);
  }

  /** What an action throws becomes a problem at `path`; undefined then. */
  async attempt<T>(path: string, action: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (thrown) {
      const error = HowdahError.from(thrown);
      if (error.code === 'internal') throw error;
      const own = error.problems.length > 0 ? error.problems : [{ path, message: error.message }];
      this.add(error.code, ...own);
      return undefined;
    }
  }

  /** @throws HowdahError with all problems, if there are any. */
  throwIfAny(outcome = 'nothing was started'): void {
    if (this.#code === undefined) return;
    const count = this.problems.length;
    const message = `${outcome}: ${count === 1 ? 'there is a problem' : `there are ${count} problems`}`;
    throw new HowdahError(this.#code, message, { problems: this.problems });
  }
}

export interface Programs {
  readonly envoy: { readonly path: string };
  readonly postgres: { readonly binDir: string };
  /** Null: none is started here. */
  readonly etcd: { readonly path: string } | null;
  /** Null: PostgreSQL runs as the user of `up`. */
  readonly user: SystemUser | null;
}

/** Fetches what is missing, which may take a while. Undefined when something can't be had. */
export async function findPrograms(findings: Findings, store: StoreChoice): Promise<Programs | undefined> {
  const user = await findings.attempt('postgres', () => postgresUser());
  await findings.attempt('setpriv', () => findSetpriv());
  const envoy = await findings.attempt('envoy', () => findEnvoy());
  const postgres = user === undefined ? undefined : await findings.attempt('postgres', () => findPostgres());
  const etcd = store.kind === 'own-etcd' ? await findings.attempt('--store', () => findEtcd()) : null;
  if (etcd === undefined || user === undefined || envoy === undefined || postgres === undefined) return undefined;
  return {
    envoy: { path: envoy.path },
    postgres: { binDir: postgres.binDir },
    etcd: etcd && { path: etcd.path },
    user,
  };
}

/** Makes the directory. As root its parents must let the account of PostgreSQL through. */
export function prepareStateDirectory(stateDir: string, user: SystemUser | null | undefined): string {
  const problem = (message: string, cause?: unknown) =>
    new HowdahError('failed-precondition', `--state-dir ${message}`, {
      problems: [{ path: '--state-dir', message }],
      ...(cause === undefined ? {} : { cause }),
    });
  try {
    makeWithParents(stateDir, user ? 0o755 : 0o700);
    accessSync(stateDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw problem(`${stateDir} can't be written (${reason(cause)}): give another directory`, cause);
  }
  const real = realpathSync(stateDir);
  // The directory itself is ours to open; the ones above are the user's.
  if (user) chmodSync(real, statSync(real).mode | 0o011);
  const closed = user ? closedDirectory(real, user) : undefined;
  if (user && closed !== undefined) {
    throw problem(
      `${stateDir} can't be reached by user ${user.name}, which PostgreSQL runs as: ${closed} is closed to it; give a directory elsewhere, for example /var/lib/howdah`,
    );
  }
  return real;
}

/** One by one: mkdir's own `recursive` never ends where a file system makes nothing, as below /proc. */
function makeWithParents(directory: string, mode: number): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(directory) !== directory) makeWithParents(dirname(directory), mode);
  mkdirSync(directory, { mode });
}

/** Clusters of earlier runs that this one would drop. */
export function keptProblems(
  given: readonly GivenCluster[],
  kept: LocalPlacements | undefined,
  stateDir: string,
): Problem[] {
  return Object.entries(kept?.clusters ?? {})
    .filter(([name]) => !given.some(({ spec }) => spec.name === name))
    .map(([name, placement]) => missingCluster(name, placement.file, stateDir));
}

export function missingCluster(name: string, file: string | undefined, stateDir: string): Problem {
  const came = file === undefined ? '' : `, last given in ${file}`;
  const message = `${stateDir} holds the cluster ${name} too${came}: give its file as well, or use another --state-dir`;
  return { path: '--file', message };
}

/** A file that is behind would take instances away unasked. `instances`: as many as the cluster has, without those that leave. */
export function shrinkProblem({ spec, file, line }: GivenCluster, instances: number): FileProblem[] {
  if (spec.instances >= instances) return [];
  const path = 'spec.instances';
  const message = `${spec.name} has ${instances} instances, and a start takes none away: write ${instances} or more; to make it smaller use howdah scale ${spec.name} ${spec.instances} while it runs`;
  return [{ path, message, file, line: line(path) }];
}

/** The topmost directory on the way to `directory` that the user can't pass. */
function closedDirectory(directory: string, user: SystemUser): string | undefined {
  const above = dirname(directory);
  const closed = above === directory ? undefined : closedDirectory(above, user);
  if (closed !== undefined) return closed;
  const test = spawnSync('test', ['-x', directory], { uid: user.uid, gid: user.gid, cwd: '/' });
  return test.status === 1 ? directory : undefined;
}

function reason(error: unknown): string {
  if (error instanceof Error && 'code' in error) {
    const known: Readonly<Record<string, string>> = {
      EACCES: 'permission denied',
      EROFS: 'the file system is read-only',
      ENOENT: 'nothing can be made there',
      ENOTDIR: 'a part of the path is a file',
      EEXIST: 'it is a file',
      ENOSPC: 'no space is left',
    };
    return known[String(error.code)] ?? String(error.code);
  }
  return String(error);
}
