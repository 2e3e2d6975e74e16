/** `howdah validate -f FILE`: every mistake in files of PostgresCluster documents, without touching anything. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parseFiles, type TextFile } from '../../control-plane/api/document/index.ts';
import { ERROR_CODES, type Problem } from '../../control-plane/model/errors.ts';
import { collect } from '../arguments.ts';
import type { Io } from '../io.ts';
import { formatProblem } from '../output/errors.ts';
import { addOutputOption, type OutputFormat, print } from '../output/print.ts';

interface Validation {
  readonly valid: boolean;
  readonly clusters: readonly string[];
  readonly problems: readonly Problem[];
}

export function register(program: Command, io: Io): void {
  const command = program
    .command('validate')
    .description('check files of PostgresCluster documents')
    .requiredOption('-f, --file <file>', 'a file, or - for standard input; may be given several times', collect);
  addOutputOption(command)
    .addHelpText(
      'after',
      '\nExamples:\n  $ howdah validate -f examples/orders.yaml\n  $ howdah validate -f - -o json < orders.yaml\n\nExit code 0 when all is well, 2 when there is a mistake.',
    )
    .action((options: { readonly file: readonly string[]; readonly output: OutputFormat }) => {
      const validation = validate(options.file);
      print(io, options.output, validation, (value) => describe(value, options.file));
      if (!validation.valid) io.exitWith(ERROR_CODES['invalid-argument'].exit);
    });
}

function validate(files: readonly string[]): Validation {
  const texts: TextFile[] = [];
  const unreadable: Problem[] = [];
  for (const name of new Set(files)) {
    const file = name === '-' ? '<stdin>' : name;
    try {
      texts.push({ file, text: readFileSync(name === '-' ? 0 : name, 'utf8') });
    } catch (error) {
      const message = `can't be read: ${error instanceof Error ? error.message : String(error)}`;
      unreadable.push({ path: file, message });
    }
  }
  const { clusters, problems } = parseFiles(texts);
  const all = [...unreadable, ...problems];
  return { valid: all.length === 0, clusters: clusters.map(({ name }) => name), problems: all };
}

function describe({ valid, clusters, problems }: Validation, files: readonly string[]): string {
  if (!valid) return problems.map(formatProblem).join('\n');
  const count = clusters.length === 1 ? 'the cluster' : `${clusters.length} clusters:`;
  return `${[...new Set(files)].join(', ')}: ok, ${count} ${clusters.join(', ')}`;
}
