/** The flags of `npm run faults`. */
import { parseArgs } from 'node:util';
import { FAULTS } from './list.ts';

export interface FaultOptions {
  /** Names; empty = all. */
  readonly only: readonly string[];
  /** Of each fault. */
  readonly runs: number;
  readonly json?: string | undefined;
  readonly markdown?: string | undefined;
  /** Where the logs of runs that failed are copied to. */
  readonly logs?: string | undefined;
  readonly list: boolean;
}

export const USAGE = `npm run faults -- [--only NAME]... [--runs N] [--json FILE] [--markdown FILE] [--logs DIRECTORY] [--list]`;

/** @throws Error with what is wrong and the usage. */
export function faultOptions(args: readonly string[]): FaultOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      runs: { type: 'string', default: '1' },
      json: { type: 'string' },
      markdown: { type: 'string' },
      logs: { type: 'string' },
      list: { type: 'boolean', default: false },
    },
  });
  const names = FAULTS.map(({ name }) => name);
  const unknown = values.only.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`--only ${unknown.join(', ')}: choose of ${names.join(', ')}\n${USAGE}`);
  const runs = Number(values.runs);
  if (!Number.isSafeInteger(runs) || runs < 1) throw new Error(`--runs ${values.runs}: a number from 1 on\n${USAGE}`);
  return { ...values, runs };
}
