/** What the commands have in common that ask something of a cluster and wait until it is done. */
import type { Command } from 'commander';
import type { ApiClient } from '../control-plane/api/client.ts';
import type { ClusterStatus } from '../control-plane/api/contract.ts';
import { HowdahError } from '../control-plane/model/errors.ts';
import { durationArgument } from './arguments.ts';
import { addConnectionOptions, type ConnectionOptions, connect } from './connection.ts';
import type { Io } from './io.ts';
import { addOutputOption, type OutputFormat, print } from './output/print.ts';
import { formatDuration } from './output/units.ts';

export interface OperationOptions extends ConnectionOptions {
  readonly output: OutputFormat;
  /** False with --no-wait. */
  readonly wait: boolean;
  /** In ms. */
  readonly timeout: number;
}

interface Stored {
  readonly message: string;
  readonly cluster: ClusterStatus;
}

const LOOK_EVERY_MS = 100;
const TIMEOUT_MS = 300_000;

/** For commands whose end is some time after the request was stored. */
export function addOperationOptions(command: Command): Command {
  return addConnectionOptions(addOutputOption(command))
    .option('--no-wait', 'end when it is stored; it goes on by itself')
    .option('--timeout <duration>', 'how long to wait for its end', durationArgument, TIMEOUT_MS);
}

/**
 * Prints what was stored; waits until `done` and prints that. A control plane that is restarted meanwhile goes on with
 * what was stored, so it is only asked again.
 * @throws HowdahError `deadline-exceeded`: it still goes on
 */
export async function follow(
  io: Io,
  options: OperationOptions,
  stored: Stored,
  done: (cluster: ClusterStatus) => string | null,
): Promise<void> {
  if (!options.wait) return print(io, options.output, stored, ({ message }) => message);
  if (options.output === 'table') io.err(`${stored.message}\n`);
  const { name } = stored.cluster;
  const startedAt = io.clock.now();
  let cluster = stored.cluster;
  for (;;) {
    const text = done(cluster);
    if (text !== null) {
      const tookMs = io.clock.now() - startedAt;
      return print(
        io,
        options.output,
        { message: text, cluster },
        ({ message }) => `${message} (${formatDuration(tookMs)})`,
      );
    }
    if (io.clock.now() - startedAt > options.timeout) throw stillGoing(cluster, options.timeout);
    await new Promise<void>((resolve) => void io.clock.after(LOOK_EVERY_MS, resolve));
    cluster = (await look(connect(options, io), name)) ?? cluster;
  }
}

async function look(api: ApiClient, name: string): Promise<ClusterStatus | undefined> {
  try {
    return await api.cluster(name);
  } catch (error) {
    if (error instanceof HowdahError && (error.code === 'unavailable' || error.code === 'deadline-exceeded')) return;
    throw error;
  }
}

function stillGoing({ name, reason }: ClusterStatus, timeoutMs: number): HowdahError {
  return new HowdahError(
    'deadline-exceeded',
    `it is not done after ${formatDuration(timeoutMs)} and goes on (${reason}): see howdah status and howdah history ${name}`,
  );
}

/** The cluster that an instance belongs to. @throws HowdahError `not-found` */
export async function clusterOf(api: ApiClient, instance: string): Promise<ClusterStatus> {
  const { clusters } = await api.status();
  const found = clusters.find(({ instances }) => instances.some(({ name }) => name === instance));
  if (found) return found;
  const names = clusters.flatMap(({ instances }) => instances.map(({ name }) => name));
  const others = names.length === 0 ? 'there is none' : `there are: ${names.join(', ')}`;
  throw new HowdahError('not-found', `there is no instance ${instance}; ${others}`);
}

/** It runs as what it should be, and nothing is being done to it. */
export function isServing(cluster: ClusterStatus, instance: string): boolean {
  const { operations } = cluster;
  const found = cluster.instances.find(({ name }) => name === instance);
  if (!found?.connected || found.state !== 'running' || found.goal?.status !== 'done') return false;
  if (operations.restarts.some((restart) => restart.instance === instance)) return false;
  return cluster.primary !== instance || (cluster.phase === 'active' && cluster.gate === 'open');
}
