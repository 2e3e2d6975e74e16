/** What a run of faults showed: figures and a verdict for each, as an object and as markdown. */
import { type Figures, figuresOf } from '../support/figures.ts';
import { FAULTS } from './list.ts';
import type { RoundResult } from './round.ts';

export interface Skipped {
  readonly fault: string;
  readonly why: string;
}

export interface Report {
  readonly rounds: number;
  readonly failovers: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly rolledBack: number;
  readonly violations: number;
  readonly failed: number;
  readonly faults: readonly FaultReport[];
  readonly skipped: readonly Skipped[];
}

export interface FaultReport {
  readonly fault: string;
  readonly says: string;
  readonly runs: number;
  readonly failovers: number;
  readonly writesOutMs: Figures;
  readonly readsOutMs: Figures;
  readonly lost: number;
  readonly rolledBack: number;
  /** Each sentence with its number of runs. */
  readonly failures: readonly string[];
  readonly notes: readonly string[];
}

/** What is lost where that has to be seen does not count. */
export function report(rounds: readonly RoundResult[], skipped: readonly Skipped[]): Report {
  const strict = rounds.filter(({ fault }) => !FAULTS.find(({ name }) => name === fault)?.losesCommits);
  const faults = [...Map.groupBy(rounds, ({ fault }) => fault)].map(([name, group]) => faultReport(name, group));
  const sum = (count: (round: RoundResult) => number) => strict.reduce((total, round) => total + count(round), 0);
  return {
    rounds: rounds.length,
    failovers: sum(({ failovers }) => failovers),
    acknowledged: sum(({ verdict }) => verdict?.acknowledged ?? 0),
    lost: sum(({ verdict }) => verdict?.lost.length ?? 0),
    rolledBack: sum(({ verdict }) => verdict?.rolledBack.length ?? 0),
    violations: sum(({ verdict }) => verdict?.violations.length ?? 0),
    failed: rounds.filter(({ failures }) => failures.length > 0).length,
    faults,
    skipped,
  };
}

export function markdown({ faults, skipped, ...totals }: Report): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  const figures = ({ median, p99, most }: Figures) => `${median} / ${p99} / ${most}`;
  const rows = faults.map((fault) =>
    line([
      fault.fault,
      fault.runs,
      fault.failovers,
      figures(fault.writesOutMs),
      figures(fault.readsOutMs),
      fault.lost,
      fault.rolledBack,
      fault.failures.length === 0 ? 'passed' : fault.failures.join('; ').replaceAll('|', '\\|'),
    ]),
  );
  const details = faults.flatMap(({ fault, says, notes }) => [
    `- \`${fault}\`: ${says}`,
    ...notes.map((n) => `  - ${n}`),
  ]);
  return [
    '# Faults',
    '',
    `${totals.rounds} runs, ${totals.failovers} failovers, ${totals.acknowledged} acknowledged writes: ` +
      `${totals.lost} lost, ${totals.rolledBack} rolled back, ${totals.violations} registers out of order, ` +
      `${totals.failed} runs not as expected.`,
    '',
    line([
      'fault',
      'runs',
      'failovers',
      'writes out, ms (median / p99 / most)',
      'reads out, ms',
      'lost',
      'rolled back',
      'verdict',
    ]),
    line(['---', '--:', '--:', '--:', '--:', '--:', '--:', '---']),
    ...rows,
    '',
    ...details,
    '',
    ...(skipped.length === 0 ? [] : ['Not run:', '', ...skipped.map(({ fault, why }) => `- \`${fault}\`: ${why}`), '']),
  ].join('\n');
}

function faultReport(name: string, rounds: readonly RoundResult[]): FaultReport {
  const counted = (texts: readonly string[]) =>
    [...Map.groupBy(texts, (text) => text)].map(([text, group]) =>
      group.length > 1 ? `${group.length} x ${text}` : text,
    );
  return {
    fault: name,
    says: FAULTS.find((fault) => fault.name === name)?.says ?? '',
    runs: rounds.length,
    failovers: rounds.reduce((total, { failovers }) => total + failovers, 0),
    writesOutMs: figuresOf(rounds.map(({ writesOutMs }) => writesOutMs)),
    readsOutMs: figuresOf(rounds.map(({ readsOutMs }) => readsOutMs)),
    lost: rounds.reduce((total, { verdict }) => total + (verdict?.lost.length ?? 0), 0),
    rolledBack: rounds.reduce((total, { verdict }) => total + (verdict?.rolledBack.length ?? 0), 0),
    failures: counted(rounds.flatMap(({ failures }) => failures)),
    notes: counted(rounds.flatMap(({ notes }) => notes)),
  };
}
