/**
 * What the demo writes to: lines that stay, and on a terminal below them a panel that is redrawn in place.
 * https://man7.org/linux/man-pages/man4/console_codes.4.html
 */
import { stripVTControlCharacters } from 'node:util';

export interface Screen {
  /** A line that stays. */
  line(text: string): void;
  /** Replaces the panel. */
  panel(lines: readonly string[]): void;
  /** Leaves the panel as it is; the cursor is below it. Idempotent. */
  close(): void;
}

/** For pipes and files: every line says something by itself, and there is no panel. */
export class PlainScreen implements Screen {
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  line(text: string): void {
    this.#write(`${text}\n`);
  }

  panel(): void {}

  close(): void {}
}

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_BELOW = '\u001b[J';

export class LiveScreen implements Screen {
  readonly #write: (text: string) => void;
  readonly #width: () => number;
  #panel: readonly string[] = [];
  /** How many lines of it are on the terminal. */
  #drawn = 0;
  #open = true;

  /** @param width columns of the terminal, asked for at every frame */
  constructor(write: (text: string) => void, width: () => number) {
    this.#write = write;
    this.#width = width;
    write(HIDE_CURSOR);
  }

  line(text: string): void {
    this.#draw(`${text}\n`);
  }

  panel(lines: readonly string[]): void {
    if (!this.#open) return;
    this.#panel = lines;
    this.#draw('');
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    // Lines after this one stand below the panel.
    this.#panel = [];
    this.#drawn = 0;
    this.#write(SHOW_CURSOR);
  }

  /** In one piece, so that no half of a frame is seen. */
  #draw(above: string): void {
    const up = this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A`;
    // A line that wraps would take two rows and spoil the count.
    const lines = this.#panel.map((line) => `${clip(line, this.#width() - 1)}\n`);
    this.#write(`${up}\r${CLEAR_BELOW}${above}${lines.join('')}`);
    this.#drawn = this.#open ? lines.length : 0;
  }
}

const ESCAPE = '\u001b';
const COLOR_CODE = new RegExp(`${ESCAPE}\\[[0-9;]*m`, 'g');

/** Cuts after so many visible characters; colours that were opened are closed. */
export function clip(text: string, width: number): string {
  if (stripVTControlCharacters(text).length <= width) return text;
  let kept = '';
  let left = width - 1;
  let at = 0;
  for (const code of [...text.matchAll(COLOR_CODE), null]) {
    const plain = text.slice(at, code?.index);
    kept += plain.slice(0, left);
    left -= Math.min(left, plain.length);
    if (left === 0 || code === null) break;
    kept += code[0];
    at = code.index + code[0].length;
  }
  return `${kept}\u001b[0m…`;
}
