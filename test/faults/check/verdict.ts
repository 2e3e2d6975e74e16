/** From a history and what the database holds in the end: what was lost, what was rolled back, what fits in no order. */
import type { History, Operation } from './history.ts';
import { checkRegister, type Linearizability, type RegisterOperation } from './register.ts';

export interface Verdict {
  readonly acknowledged: number;
  readonly unknown: number;
  readonly reads: number;
  /** Acknowledged and not there in the end. */
  readonly lost: readonly number[];
  /** Read on rw and not there in the end. */
  readonly rolledBack: readonly number[];
  /** Said to have failed for certain, and there all the same. */
  readonly undead: readonly number[];
  /** Registers without a possible order, each with the operation that fits nowhere. */
  readonly violations: readonly string[];
  /** Connections to ro that saw less than they had seen before. */
  readonly wentBack: readonly string[];
  /** Reads on rw that saw an empty synchronous_standby_names; counted in strict mode only. */
  readonly unprotectedReads: number;
}

/** @param rows ids of the rows that are there in the end */
export function judge(history: History, rows: ReadonlySet<number>): Verdict {
  const { operations, glances, unprotectedReads } = history;
  const writes = operations.filter(({ kind }) => kind === 'write');
  const reads = operations.filter(({ kind, outcome }) => kind === 'read' && outcome === 'ok');
  const ids = (outcome: Operation['outcome']) => writes.filter((write) => write.outcome === outcome);
  const seen = new Set(reads.map(({ value }) => value).filter((value) => value !== 0));
  return {
    acknowledged: ids('ok').length,
    unknown: ids('unknown').length,
    reads: reads.length,
    lost: valuesOf(ids('ok')).filter((id) => !rows.has(id)),
    rolledBack: [...seen].filter((id) => !rows.has(id)),
    undead: valuesOf(ids('failed')).filter((id) => rows.has(id)),
    violations: [...Map.groupBy(operations, ({ key }) => key)].flatMap(([key, group]) => violation(key, group)),
    wentBack: [...Map.groupBy(glances, ({ connection, writer }) => `${connection} ${writer}`)].flatMap(([, group]) => {
      const back = group.find(({ highest }, index) => index > 0 && highest < group[index - 1]!.highest);
      return back ? [`connection ${back.connection} went back to row ${back.highest} of writer ${back.writer}`] : [];
    }),
    unprotectedReads,
  };
}

/** Nothing lost, nothing rolled back, an order for everything. */
export function isSound(verdict: Verdict): boolean {
  const { lost, rolledBack, undead, violations, wentBack, unprotectedReads } = verdict;
  return [lost, rolledBack, undead, violations, wentBack].every((list) => list.length === 0) && unprotectedReads === 0;
}

function valuesOf(operations: readonly Operation[]): number[] {
  return operations.map(({ value }) => value);
}

function violation(key: number, operations: readonly Operation[]): string[] {
  const told = operations.flatMap(({ kind, value, calledAt, answeredAt, outcome }): RegisterOperation[] => {
    if (outcome === 'ok') return [{ kind, value, calledAt, answeredAt }];
    return outcome === 'unknown' && kind === 'write'
      ? [{ kind, value, calledAt, answeredAt: Number.POSITIVE_INFINITY }]
      : [];
  });
  const found: Linearizability = checkRegister(told, 0);
  if (found.kind === 'linearizable') return [];
  const { kind, value, calledAt, answeredAt } = found.operation;
  const when = `${calledAt.toFixed(1)} to ${answeredAt.toFixed(1)} ms`;
  return [`register ${key}: the ${kind} of ${value} (${when}) fits nowhere; it held ${found.value} at best`];
}
