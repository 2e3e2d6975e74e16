/** As much of a terminal as `howdah demo` uses: lines, colours, cursor up, erase below. */

export interface Run {
  readonly text: string;
  /** SGR codes in force, for example 1 (bold), 2 (dim), 32 (green). */
  readonly codes: readonly number[];
}

/** What ends a code of the SGR kind: 22 ends bold and dim, 39 ends colours. */
const ENDS: Readonly<Record<number, (code: number) => boolean>> = {
  0: () => true,
  22: (code) => code === 1 || code === 2,
  39: (code) => code >= 30 && code <= 37,
};

const ESCAPE = '\u001b';
const PIECES = new RegExp(`${ESCAPE}\\[(\\??[0-9;]*)([A-Za-z])|\\r|\\n|[^${ESCAPE}\\r\\n]+`, 'gu');

/** The rows that are on the terminal after everything was written. */
export function screenAfter(written: string): Run[][] {
  const rows: Run[][] = [[]];
  let row = 0;
  let codes: number[] = [];
  for (const piece of written.matchAll(PIECES)) {
    const [text, parameters = '', command] = piece;
    if (command === 'm') {
      for (const code of parameters.split(';').map(Number)) {
        codes = ENDS[code] ? codes.filter((one) => !ENDS[code]!(one)) : [...codes, code];
      }
    } else if (command === 'A') {
      row = Math.max(0, row - Number(parameters || 1));
    } else if (command === 'J') {
      rows.splice(row, rows.length, []);
    } else if (text === '\n') {
      row += 1;
      rows[row] ??= [];
    } else if (command === undefined && text !== '\r') {
      rows[row]!.push({ text, codes });
    }
  }
  return rows;
}
