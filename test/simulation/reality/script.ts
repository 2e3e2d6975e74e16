/**
 * One life of a cluster as its agents tell it, told in words that don't depend on the machine: run over real PostgreSQL
 * it is recorded, run over the models it must tell the same.
 */
import type { FollowGoal, Goal, LeadGoal } from '../../../control-plane/model/goal.ts';
import { goalId } from '../../../control-plane/model/goal.ts';
import type { InstanceReport, PostgresState, PrimaryState } from '../../../control-plane/model/instance.ts';
import { maxLsn } from '../../../control-plane/model/lsn.ts';
import type { SyncConfig } from '../../../control-plane/model/sync.ts';

/** Three instances under agents, the first of them empty like the others. */
export interface Subject {
  give(name: string, goal: Goal): void;
  /** kill -9 of the postmaster. */
  crash(name: string): void;
  /** Agent and PostgreSQL are stopped in order, and an agent begins anew. */
  restart(name: string): Promise<void>;
  /** Where the replication routes of all lead. */
  route(to: string): void;
  /** A commit that is acknowledged. */
  write(name: string): Promise<void>;
  /** All since the beginning. */
  reports(name: string): readonly InstanceReport[];
  until(what: string, condition: () => boolean): Promise<void>;
}

/** What one command led to. */
export interface Line {
  readonly command: string;
  /** Kinds of state that the reports went through, each once in a row. */
  readonly states: readonly string[];
  readonly end: string;
}

export const NAMES = ['db-1', 'db-2', 'db-3'] as const;

export async function runScript(subject: Subject): Promise<Line[]> {
  const lines: Line[] = [];
  const last = (name: string) => subject.reports(name).at(-1)!;

  async function step(
    command: string,
    name: string,
    act: () => void | Promise<void>,
    done: (report: InstanceReport) => boolean,
  ): Promise<void> {
    const from = subject.reports(name).length;
    const before = stateName(last(name).postgres);
    await act();
    await subject.until(command, () => subject.reports(name).length > from && done(last(name)));
    const states = subject
      .reports(name)
      .slice(from)
      .map(({ postgres }) => stateName(postgres));
    lines.push({ command, states: passedThrough(before, states), end: tell(last(name)) });
  }

  const reach = (name: string, goal: Goal, also: (report: InstanceReport) => boolean = () => true) =>
    step(
      `${name} ${wordOf(goal)}`,
      name,
      () => subject.give(name, goal),
      (report) => report.goal?.id === goalId(goal) && report.goal.status === 'done' && also(report),
    );

  await reach('db-1', lead(1, { voters: [], k: 0 }, true));
  subject.route('db-1');
  for (const name of ['db-2', 'db-3']) await reach(name, follow(1, last('db-1')), streams);
  await reach('db-1', lead(1, { voters: ['db-2', 'db-3'], k: 1 }), shows('db-2 quorum, db-3 quorum'));
  await subject.write('db-1');
  await step('all have the write', 'db-1', () => subject.write('db-1'), level);
  await reach('db-1', lead(1, { voters: ['db-2'], k: 1 }), shows('db-2 quorum, db-3 async'));
  await reach('db-1', lead(1, { voters: ['db-2', 'db-3'], k: 1 }), shows('db-2 quorum, db-3 quorum'));
  await step(
    'db-1 is killed',
    'db-1',
    () => subject.crash('db-1'),
    ({ postgres }) => postgres.kind === 'stopped',
  );
  for (const name of ['db-2', 'db-3', 'db-1']) await reach(name, { kind: 'fence', epoch: 2 });
  subject.route('db-2');
  await reach('db-2', lead(2, { voters: ['db-3'], k: 1 }), hasCheckpoint);
  const promoted = last('db-2').timeline;
  await reach(
    'db-3',
    { ...follow(2, last('db-2')), timeline: 0, history: [], sourceReady: false },
    // The position is told before the timeline is.
    (report) => streams(report) && report.timeline === promoted,
  );
  await reach('db-3', follow(2, last('db-2')), streams);
  await reach('db-1', follow(2, last('db-2')), streams);
  await reach('db-2', lead(2, { voters: ['db-1', 'db-3'], k: 2 }), shows('db-1 quorum, db-3 quorum'));
  await step('all have another write', 'db-2', () => subject.write('db-2'), level);
  await step(
    'db-3 restarts',
    'db-3',
    () => subject.restart('db-3'),
    ({ postgres }) => postgres.kind === 'stopped',
  );
  await reach('db-3', { kind: 'fence', epoch: 2 });
  await reach('db-3', follow(2, last('db-2')), streams);
  await reach('db-2', { kind: 'stop', epoch: 2 });
  await reach('db-1', { kind: 'fence', epoch: 3 });
  await reach('db-3', { kind: 'fence', epoch: 3 });
  return lines;
}

function lead(epoch: number, sync: SyncConfig, create = false): LeadGoal {
  return { kind: 'lead', epoch, sync, create, start: true, members: NAMES };
}

function follow(epoch: number, primary: InstanceReport): FollowGoal {
  const { instance, systemId, timeline, history } = primary;
  return { kind: 'follow', epoch, primary: instance, systemId, timeline, history, sourceReady: true };
}

const streams = ({ postgres }: InstanceReport) => postgres.kind === 'standby' && postgres.streaming;
const hasCheckpoint = ({ postgres, timeline }: InstanceReport) =>
  postgres.kind === 'primary' && postgres.checkpointTimeline === timeline;
const level = ({ postgres }: InstanceReport) =>
  postgres.kind === 'primary' && postgres.standbys.every(({ flushLsn }) => flushLsn >= postgres.flushLsn);
const shows = (standbys: string) => (report: InstanceReport) =>
  report.postgres.kind === 'primary' && standbysOf(report.postgres) === standbys;

function standbysOf({ standbys }: PrimaryState): string {
  const shown = standbys.map(({ name, syncState }) => `${name} ${syncState}`);
  return shown.sort().join(', ');
}

/** Each once in a row; not the one of before, nor a standby on its way to its source: they are seen or missed. */
function passedThrough(before: string, states: readonly string[]): string[] {
  const lasting = states.filter((state, i) => state !== 'standby' || states[i + 1] !== 'streaming');
  const once = lasting.filter((state, i) => state !== lasting[i - 1]);
  return once.length > 1 && once[0] === before ? once.slice(1) : once;
}

function stateName(postgres: PostgresState): string {
  if (postgres.kind === 'creating') return `creating by ${postgres.how}`;
  return postgres.kind === 'standby' && postgres.streaming ? 'streaming' : postgres.kind;
}

/** Positions only as they relate to each other. */
function tell({ promisedEpoch, timeline, history, postgres, goal }: InstanceReport): string {
  const lineage = history.map((ancestor) => `${ancestor.timeline} > `).join('') + timeline;
  const of = `promised ${promisedEpoch}, goal ${goal?.status ?? 'none'}, timeline ${lineage}`;
  switch (postgres.kind) {
    case 'stopped':
      return `${of}: stopped (${postgres.how})${postgres.clean ? ', clean' : ''}`;
    case 'primary': {
      const { endOfRecoveryLsn, flushLsn, sync } = postgres;
      const behind = endOfRecoveryLsn <= flushLsn ? 'has' : 'lacks';
      return `${of}: primary, ${behind} the end of its recovery, waits for ${sync?.k} of [${sync?.voters}], shows [${standbysOf(postgres)}]`;
    }
    case 'standby': {
      const { receiveLsn, replayLsn } = postgres;
      // It is behind at first and gets ahead with the first bytes.
      if (postgres.streaming) return `${of}: standby, streams`;
      const received = maxLsn(receiveLsn, replayLsn) === receiveLsn ? 'not behind' : 'behind';
      return `${of}: standby, has no source, receive position ${received} replay`;
    }
    default:
      return `${of}: ${postgres.kind}`;
  }
}

function wordOf(goal: Goal): string {
  const of = `of epoch ${goal.epoch}`;
  switch (goal.kind) {
    case 'lead':
      return `leads ${of}, ${goal.sync.k} of [${goal.sync.voters}]`;
    case 'follow':
      return `follows ${goal.primary} ${of}${goal.timeline === 0 ? ', which is being promoted' : ''}`;
    default:
      return `${goal.kind} ${of}`;
  }
}
