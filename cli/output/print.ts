/** `-o table|json|yaml`: the same object for all three; JSON and YAML are exactly what the API told. */
import { type Command, Option } from 'commander';
import { stringify } from 'yaml';
import type { Io } from '../io.ts';

export const OUTPUT_FORMATS = ['table', 'json', 'yaml'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export function addOutputOption(command: Command): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'form of the output').choices(OUTPUT_FORMATS).default('table'),
  );
}

export function print<T>(io: Io, format: OutputFormat, value: T, table: (value: T) => string): void {
  io.out(`${render(format, value, table).trimEnd()}\n`);
}

export function render<T>(format: OutputFormat, value: T, table: (value: T) => string): string {
  switch (format) {
    case 'table':
      return table(value);
    case 'json':
      return JSON.stringify(value, null, 2);
    case 'yaml':
      return stringify(value, { lineWidth: 0 });
  }
}
