/** What each step of a plan does to the PostgreSQL model, how long it takes, and what ends it. */
import type { Override } from '../../agent/observe/observed.ts';
import type { Deed } from '../../agent/plan.ts';
import type { PostgresModel } from './postgres-model.ts';

export interface Doing {
  /** The least and the most, ms, before its effect. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Answers what is to be seen then for the step to end; null = it ends at once. */
  readonly effect: () => (() => boolean) | null;
}

/** A promise is the agent's own business. */
type DeedOnPostgres = Exclude<Deed, { kind: 'raise-promise' }>;

/** @param source from which the instance can copy at that moment */
export function doingOf(step: DeedOnPostgres, postgres: PostgresModel, source: () => PostgresModel | undefined): Doing {
  switch (step.kind) {
    case 'initdb':
      return once(50, 200, () => postgres.initdb('7000000000000000001'));
    case 'basebackup':
    case 'rewind':
      return once(50, 400, () => {
        const from = source();
        if (from) postgres.copyFrom(from);
      });
    case 'configure': {
      const effect = () => {
        postgres.configure(step.override);
        return postgres.kind === 'starting' ? null : () => hasShown(postgres, step.override) || !postgres.running;
      };
      return { fromMs: 0.1, toMs: 1.5, effect };
    }
    case 'start':
      return once(0.5, 3, () => postgres.start(step.role, step.override));
    case 'stop':
      return until(
        0,
        0.1,
        () => postgres.stop(step.mode),
        () => postgres.kind === 'stopped',
      );
    case 'promote':
      return until(
        0.3,
        2,
        () => postgres.promote(step.timeline),
        () => postgres.kind !== 'standby',
      );
    case 'slots':
    case 'spare-slots':
      return once(0.3, 3, () => postgres.createSlots(step.drop, step.create));
    case 'set-aside':
      return once(0.5, 5, () => postgres.setAside());
    case 'checkpoint':
      return once(5, 60, () => postgres.checkpoint());
  }
}

/** The settings are in force, and where there is to be no source, no WAL receiver runs any more. */
export function hasShown(postgres: PostgresModel, override: Override): boolean {
  return postgres.shows(override) && (override.primaryConninfo !== '' || postgres.streams.upstream === null);
}

function once(fromMs: number, toMs: number, act: () => void): Doing {
  return until(fromMs, toMs, act, () => true);
}

function until(fromMs: number, toMs: number, act: () => void, isSeen: () => boolean): Doing {
  const effect = () => {
    act();
    return isSeen;
  };
  return { fromMs, toMs, effect };
}
