/** The figures of a measurement, and a table of them with the ratio to the first contender. */
import type { Figures } from '../../test/support/figures.ts';

export interface Measured {
  readonly contender: string;
  readonly fault: string;
  readonly runs: number;
  readonly writesOutMs: Figures;
  readonly readsOutMs: Figures;
  readonly acknowledged: number;
  readonly lost: number;
}

/** Markdown. */
export function table(measured: readonly Measured[]): string {
  const [first] = measured;
  const lines = measured.map(({ contender, fault, runs, writesOutMs, readsOutMs, acknowledged, lost }) => {
    const base = measured.find((other) => other.fault === fault && other.contender === first?.contender);
    const ratio = base ? `${(writesOutMs.median / base.writesOutMs.median).toFixed(1)}x` : '';
    const cells = [
      fault,
      contender,
      runs,
      writesOutMs.median,
      writesOutMs.p99,
      ratio,
      readsOutMs.median,
      acknowledged,
      lost,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| fault | system | runs | writes out, median ms | p99 | ratio | reads out, median ms | acknowledged | lost |',
    '|---|---|--:|--:|--:|--:|--:|--:|--:|',
    ...lines.sort(),
  ].join('\n');
}
