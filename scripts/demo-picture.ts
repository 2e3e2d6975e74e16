/**
 * Plays `howdah demo --once` on a terminal of its own and draws what stood there after the crash: docs/demo.svg.
 *   npx node scripts/demo-picture.ts
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Run, screenAfter } from './terminal.ts';

const ROOT = join(import.meta.dirname, '..');
const COLUMNS = 132;
/** Beginning of the act that is not in the picture any more. */
const CURTAIN = 'A switchover';
const CURSOR = '\u001b[';
const ERASE = '\u001b[J';
const CHARACTER_WIDTH = 7.83;
const LINE_HEIGHT = 18;
const MARGIN = 18;
const TITLE_HEIGHT = 34;
const BACKGROUND = '#11151c';
const FOREGROUND = '#d7dce4';
const COLORS: Readonly<Record<number, string>> = {
  31: '#ff6b6b',
  32: '#6fdc8c',
  33: '#f5c451',
  35: '#c9a0ff',
  36: '#6cc9ff',
};

const played = spawnSync(
  'script',
  ['-qefc', `stty cols ${COLUMNS} rows 50; npx --no-install node cli/bin.js demo --once`, '/dev/null'],
  {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, TERM: 'xterm-256color' },
    maxBuffer: 64 * 1024 * 1024,
  },
);
if (played.status !== 0) throw new Error(`the demo ended with ${played.status}: ${played.stdout.slice(-2000)}`);
const until = played.stdout.indexOf(CURTAIN);
// Without the drawing that the next act begins with: cursor up, erase, its title.
const frames = played.stdout.slice(0, until);
const rows = screenAfter(frames.slice(0, frames.lastIndexOf(CURSOR, frames.lastIndexOf(ERASE) - 1)));
writeFileSync(join(ROOT, 'docs', 'demo.svg'), svg(rows));

function svg(all: readonly (readonly Run[])[]): string {
  const first = all.findIndex((row) => row.some(({ text }) => text.includes('Howdah:')));
  const shown = all.slice(first);
  while (shown.at(-1)?.length === 0) shown.pop();
  const width = Math.ceil(COLUMNS * CHARACTER_WIDTH) + 2 * MARGIN;
  const height = TITLE_HEIGHT + shown.length * LINE_HEIGHT + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="The terminal of howdah demo after the primary crashed">`,
    `<rect width="${width}" height="${height}" rx="8" fill="${BACKGROUND}"/>`,
    ...['#ff5f57', '#febc2e', '#28c840'].map(
      (color, index) => `<circle cx="${MARGIN + index * 18}" cy="17" r="5.5" fill="${color}"/>`,
    ),
    `<text x="${width / 2}" y="21" fill="#8a93a3" font-family="sans-serif" font-size="12" text-anchor="middle">npm run demo</text>`,
    `<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="13" fill="${FOREGROUND}" xml:space="preserve">`,
    ...shown.flatMap((row, index) =>
      row.length === 0 ? [] : [line(row, TITLE_HEIGHT + (index + 0.75) * LINE_HEIGHT)],
    ),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

/** Each run stands at its own column: fonts of other widths then keep the columns. */
function line(row: readonly Run[], y: number): string {
  let column = 0;
  const spans = row.map(({ text, codes }) => {
    const x = MARGIN + column * CHARACTER_WIDTH;
    column += text.length;
    const color = codes.map((code) => COLORS[code]).find((found) => found !== undefined);
    const fill = color === undefined ? '' : ` fill="${color}"`;
    const weight = codes.includes(1) ? ' font-weight="bold"' : '';
    const faint = codes.includes(2) ? ' opacity="0.6"' : '';
    const size = ` textLength="${(text.length * CHARACTER_WIDTH).toFixed(1)}"`;
    return text.trim() === ''
      ? ''
      : `<tspan x="${x.toFixed(1)}"${size}${fill}${weight}${faint}>${escaped(text)}</tspan>`;
  });
  return `<text y="${y.toFixed(1)}">${spans.join('')}</text>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
