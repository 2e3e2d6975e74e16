/** A demo from its first process to its last: starts a cluster, lets the acts be played on it, leaves nothing behind. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HowdahError } from '../../control-plane/model/errors.ts';
import { createLogger } from '../../control-plane/runtime/logger.ts';
import type { Io } from '../io.ts';
import { LocalHowdah } from '../local/local-howdah.ts';
import { prepareLocal } from '../local/prepare.ts';
import { orAbort } from './abort.ts';
import { DEMO_CLUSTER, type DemoHome } from './home.ts';
import type { Journal } from './journal.ts';
import { loadView } from './load-view.ts';
import { panel } from './panel.ts';
import { type Direction, play } from './play.ts';
import type { Screen } from './screen.ts';
import { ClusterWatch } from './watch.ts';
import { Workload } from './workload.ts';

const WRITERS = 4;
const READERS = 2;
const PAUSE_MS = 4;
const STATUS_LIMIT_MS = 5000;
const LOG_TAIL_LINES = 12;

export interface ShowOptions extends Direction {
  readonly home: DemoHome;
  readonly screen: Screen;
  readonly journal: Journal;
  /** Columns of the terminal. */
  width(): number;
  /** Called as soon as there is something that a second Ctrl-C can hurry up. */
  onLocal(local: LocalHowdah): void;
}

/**
 * @returns whether the acts were played to their end: false when the user stopped it before.
 * @throws HowdahError when it can't be started, when something did not come back, or when a row is missing.
 */
export async function show(options: ShowOptions, io: Io): Promise<boolean> {
  const { home, journal, screen, signal } = options;
  // Not in the log directory: what appears there is forwarded here, and would be without end.
  const logFile = join(home.directory, 'demo.log');
  const logFd = openSync(logFile, 'w', 0o600);
  const stops: (() => Promise<void>)[] = [];
  const outcome = { played: false };
  try {
    await run(options, io, logFd, stops, outcome);
  } catch (error) {
    // Whatever wait it was torn out of: the user asked for it.
    if (!signal.aborted) {
      journal.flush();
      screen.close();
      tellLog(logFile, home, io);
      throw error;
    }
  } finally {
    journal.flush();
    screen.close();
    if (stops.length > 0) screen.line(io.colors.dim('stopping everything'));
    for (const stop of stops.reverse()) {
      await stop().catch((error) => io.err(`${HowdahError.from(error).message}\n`));
    }
    closeSync(logFd);
    home.leave();
    const left = home.temporary ? 'nothing is left of it' : `the data is kept in ${home.directory}`;
    if (stops.length > 0) screen.line(io.colors.dim(`all stopped; ${left}`));
  }
  return outcome.played;
}

/** @param stops filled with what ends each thing that was begun, in the order of beginning */
async function run(
  options: ShowOptions,
  io: Io,
  logFd: number,
  stops: (() => Promise<void>)[],
  outcome: { played: boolean },
): Promise<void> {
  const { home, journal, screen, signal, width } = options;
  const { clock, colors } = io;
  screen.line(colors.bold('Howdah: a PostgreSQL cluster behind Envoy, a load on it, and then its primary dies'));
  journal.act('Start', clock.wall() - (clock.now() - options.startedAt));
  const plan = await prepareLocal({
    ...{ files: [home.file], stateDir: home.directory, clock, random: io.random },
    ...{ controlPlanes: 1, store: { kind: 'file' } },
  });
  const { postgres, envoy, user } = plan.programs;
  journal.event('programs', `${envoy.path} and ${postgres.binDir}${user === null ? '' : `, run as ${user.name}`}`);
  journal.event('state', `in ${home.directory}${home.temporary ? ', removed at the end' : ', kept'}`);
  const local = new LocalHowdah(plan, {
    clock,
    log: createLogger({ level: 'warn', format: 'pretty', fd: logFd }),
    childLogLevel: 'info',
    apiClient: io.apiClient,
  });
  options.onLocal(local);
  stops.push(() => local.stop());
  let load: Workload | undefined;
  const watch = new ClusterWatch({
    api: () => local.api(),
    clock,
    journal,
    signal,
    onLook: (cluster) => {
      const columns = width();
      screen.panel(
        panel({ cluster, load: load ? loadView(load, clock.now(), columns) : null, width: columns }, colors),
      );
    },
  });
  stops.push(() => watch.stop());
  watch.start();
  const instances = Object.keys(plan.placements.clusters[DEMO_CLUSTER]!.instances).length;
  journal.event(
    'processes',
    `a control plane, a gateway's Envoy, and ${instances} agents, each with PostgreSQL and Envoy`,
  );
  await orAbort(signal, local.start());
  const { endpoints } = await watch.until('the cluster to be told', STATUS_LIMIT_MS, (cluster) => cluster);
  const workload = new Workload({
    rw: endpointOf(endpoints.rw),
    ro: endpointOf(endpoints.ro),
    password: undefined,
    writers: WRITERS,
    readers: READERS,
    pauseMs: PAUSE_MS,
    clock,
  });
  load = workload;
  stops.push(() => workload.stop());
  await orAbort(signal, workload.start());
  journal.event('load', `${WRITERS} writers on rw and ${READERS} readers on ro, through Envoy`);
  await play(options, { api: local.api(), watch, journal, screen, load: workload, clock, signal }, home, () => {
    outcome.played = true;
  });
}

function endpointOf(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}

/** The logs of a temporary directory are gone in a moment. */
function tellLog(logFile: string, home: DemoHome, io: Io): void {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').filter(Boolean).slice(-LOG_TAIL_LINES);
  if (lines.length > 0) io.err(`${io.colors.dim(['the last warnings:', ...lines].join('\n  '))}\n`);
  const where = home.temporary ? 'to keep all logs, run it again with --state-dir DIR' : `logs: ${home.directory}/log`;
  io.err(`${io.colors.dim(where)}\n`);
}
