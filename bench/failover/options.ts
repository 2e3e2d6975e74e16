/** The flags of `npm run bench:failover`. */
import { parseArgs } from 'node:util';
import { FAULTS, type FaultName } from './contender.ts';

export const CONTENDERS = ['howdah', 'patroni'] as const;
export type ContenderName = (typeof CONTENDERS)[number];

export interface BenchOptions {
  readonly contenders: readonly ContenderName[];
  readonly faults: readonly FaultName[];
  /** Of each fault, by contender. */
  readonly runs: Readonly<Record<ContenderName, number>>;
  readonly json: string | undefined;
  readonly help: boolean;
}

export const USAGE = `npm run bench:failover -- [--runs 30] [--peer-runs 6] [--only ${FAULTS.join('|')}]...
  [--contender ${CONTENDERS.join('|')}] [--json FILE]`;

/** @throws Error with what is wrong and the usage. */
export function benchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string', default: '30' },
      'peer-runs': { type: 'string', default: '6' },
      only: { type: 'string', multiple: true, default: [] },
      contender: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const { json, help, contender } = values;
  const chosen = contender === undefined ? [] : [contender];
  return {
    contenders: choose('--contender', CONTENDERS, chosen),
    faults: choose('--only', FAULTS, values.only),
    runs: { howdah: count('--runs', values.runs), patroni: count('--peer-runs', values['peer-runs']) },
    json,
    help,
  };
}

/** All when none is named. */
function choose<T extends string>(flag: string, all: readonly T[], named: readonly string[]): readonly T[] {
  const unknown = named.filter((name) => !all.some((each) => each === name));
  if (unknown.length > 0) throw new Error(`${flag} ${unknown.join(', ')}: choose of ${all.join(', ')}\n${USAGE}`);
  return named.length === 0 ? all : all.filter((each) => named.includes(each));
}

function count(flag: string, text: string): number {
  const runs = Number(text);
  if (!Number.isSafeInteger(runs) || runs < 1) throw new Error(`${flag} ${text}: a number from 1 on\n${USAGE}`);
  return runs;
}
