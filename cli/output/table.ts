/** Aligned columns of text. */
import { stripVTControlCharacters } from 'node:util';

export interface Column {
  readonly title: string;
  /** Default `left`. */
  readonly align?: 'left' | 'right';
}

const GAP = '  ';

/** Lines without trailing blanks; cells may hold colour codes, which take no width. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const titles = columns.map((column) => column.title);
  const widths = columns.map((_, index) => Math.max(...[titles, ...rows].map((row) => width(row[index] ?? ''))));
  const line = (row: readonly string[]) =>
    columns
      .map((column, index) => pad(row[index] ?? '', widths[index] ?? 0, column.align ?? 'left'))
      .join(GAP)
      .trimEnd();
  return [titles, ...rows].map(line).join('\n');
}

/** `Name:   value` lines with the values below each other. */
export function formatFields(fields: readonly (readonly [name: string, value: string])[]): string {
  const longest = Math.max(0, ...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${`${name}:`.padEnd(longest + 3)}${value}`.trimEnd()).join('\n');
}

function pad(text: string, size: number, align: 'left' | 'right'): string {
  const blanks = ' '.repeat(size - width(text));
  return align === 'left' ? text + blanks : blanks + text;
}

function width(text: string): number {
  return stripVTControlCharacters(text).length;
}
