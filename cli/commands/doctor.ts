/** `howdah doctor`: what Howdah needs of this machine, what of it was found, and what to install. */
import type { Command } from 'commander';
import { ERROR_CODES } from '../../control-plane/model/errors.ts';
import { thisHost } from '../../control-plane/runtime/binaries/index.ts';
import { diagnose, type Finding } from '../diagnosis.ts';
import type { Io } from '../io.ts';
import type { Colors } from '../output/colors.ts';
import { addOutputOption, type OutputFormat, print } from '../output/print.ts';
import { formatTable } from '../output/table.ts';

export function register(program: Command, io: Io): void {
  const command = program
    .command('doctor')
    .description('show what Howdah needs of this machine and what is missing')
    .option('--fetch', 'fetch Envoy and PostgreSQL where there are none', false);
  addOutputOption(command)
    .addHelpText(
      'after',
      '\nExamples:\n  $ howdah doctor\n  $ howdah doctor --fetch\n  $ HOWDAH_POSTGRES_BIN=/opt/pg17/bin howdah doctor -o json\n\nExit code 0 when all is there, 10 when something is missing.',
    )
    .action(async (options: { readonly fetch: boolean; readonly output: OutputFormat }) => {
      const host = { ...thisHost(), env: io.environment };
      const tell = (line: string) => io.err(`${io.colors.dim(line)}\n`);
      const findings = await diagnose({ host, fetch: options.fetch, tell });
      print(io, options.output, { findings }, (value) => table(value.findings, io.colors));
      if (findings.some(({ status }) => status === 'missing')) io.exitWith(ERROR_CODES['missing-dependency'].exit);
    });
}

function table(findings: readonly Finding[], colors: Colors): string {
  const paint = { ok: colors.green, warning: colors.yellow, missing: colors.red };
  const rows = findings.map(({ name, status, version, where, detail }) => {
    // What is to be done is a sentence: below the table, where it has room.
    const note = status === 'ok' ? detail : '';
    return [name, paint[status](status), version || '-', where || '-', note];
  });
  const columns = ['NEED', 'STATE', 'VERSION', 'WHERE', 'NOTE'].map((title) => ({ title }));
  const advice = findings
    .filter(({ status }) => status !== 'ok')
    .map(({ name, status, detail }) => `${paint[status](name)}: ${detail}`);
  return [formatTable(columns, rows), ...(advice.length > 0 ? ['', ...advice] : [])].join('\n');
}
