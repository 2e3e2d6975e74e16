/** The order of the acts, the sum of them, and what a person may do with the cluster afterwards. */
import type { ClusterStatus } from '../../control-plane/api/contract.ts';
import { HowdahError } from '../../control-plane/model/errors.ts';
import { psqlLine } from '../output/ready.ts';
import { formatDuration } from '../output/units.ts';
import { crash, provenNothingLost, type Stage, switchover, whole } from './acts.ts';
import { DEMO_CLUSTER, type DemoHome } from './home.ts';
import type { Screen } from './screen.ts';

/** After the acts: enough to see what the user does to it, little enough to go on for days. */
const IDLE_PAUSE_MS = 50;
const FIRST_WRITE_LIMIT_MS = 10_000;
/** A cluster that the user broke must not keep the demo from ending, ms. */
const LAST_CHECK_LIMIT_MS = 5000;
const FOR_EVER_MS = 2 ** 31 - 1;

export interface Direction {
  readonly once: boolean;
  readonly crashes: number;
  /** Monotonic ms at which the user began to wait. */
  readonly startedAt: number;
  /** Aborted when the user asks to stop. */
  readonly signal: AbortSignal;
}

/** @param onPlayed called when all acts were played and all they had to show was shown */
export async function play(
  { once, crashes, startedAt, signal }: Direction,
  stage: Stage & { readonly screen: Screen },
  home: DemoHome,
  onPlayed: () => void,
): Promise<void> {
  const { load, journal, watch } = stage;
  const firstAt = await watch.until('a first write', FIRST_WRITE_LIMIT_MS, () => load.writes.firstAt);
  await whole(stage);
  journal.result(`first write ${formatDuration(firstAt - startedAt)} after the start`);
  const outages: string[] = [];
  for (let number = 1; number <= crashes; number++) {
    const title = `The primary crashes${crashes === 1 ? '' : ` (${number} of ${crashes})`}`;
    outages.push(formatDuration((await crash(stage, title)).writesMs));
  }
  const planned = formatDuration((await switchover(stage)).writesMs);
  journal.act('In short');
  if (outages.length > 0) journal.result(`the primary died: no writes for ${outages.join(', ')}, then all went on`);
  journal.result(`the primary changed on purpose: no writes for ${planned}`);
  journal.result('no acknowledged row was lost, and every instance is back');
  onPlayed();
  if (once) return;
  load.pauseMs = IDLE_PAUSE_MS;
  journal.act('It is yours now. The load goes on, decisions appear here, Ctrl-C ends it');
  for (const line of invitation(await whole(stage), home)) stage.screen.line(line);
  await watch.linger(FOR_EVER_MS).catch((error) => {
    if (!signal.aborted) throw error;
  });
  await lastCheck(stage);
}

function invitation(cluster: ClusterStatus, home: DemoHome): string[] {
  const primary = cluster.instances.find(({ name }) => name === cluster.primary);
  const at = `--state-dir ${home.directory}`;
  const rows: (readonly [string, string])[] = [
    ['writes', psqlLine(cluster.endpoints.rw, undefined)],
    ['reads', psqlLine(cluster.endpoints.ro, undefined)],
    ['either', psqlLine(cluster.endpoints.any, undefined)],
    ['', ''],
    ['in another terminal', ''],
    ['', `npx howdah status ${at} --watch`],
    ['', `npx howdah psql ${DEMO_CLUSTER} ${at}`],
    ['', `npx howdah switchover ${DEMO_CLUSTER} ${at}`],
    ['', `npx howdah history ${DEMO_CLUSTER} ${at}`],
    ['', `kill -9 ${primary?.pids.postgres}    # PostgreSQL of ${primary?.name}, the primary at this moment`],
  ];
  return rows.map(([name, command]) => `  ${name.padEnd(name.length > 8 ? 0 : 8)}${command}`.trimEnd());
}

/** @throws HowdahError when rows are missing, or nobody can tell. */
async function lastCheck(stage: Stage): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = stage.clock.after(LAST_CHECK_LIMIT_MS, () => {
    late.reject(new HowdahError('unavailable', 'the rows could not be counted at the end: nothing answers on rw'));
  });
  const checked = provenNothingLost(stage);
  // When it is late, the load is stopped, and the check with it.
  checked.catch(() => undefined);
  await Promise.race([checked, late.promise]).finally(() => timer.cancel());
}
