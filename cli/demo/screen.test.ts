import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { clip, LiveScreen, PlainScreen } from './screen.ts';

describe('clip', () => {
  it('leaves what fits', () => {
    expect(clip('\u001b[32mabc\u001b[39m', 3)).toBe('\u001b[32mabc\u001b[39m');
  });

  it('counts only what is seen, and ends colours', () => {
    const text = clip('a\u001b[32mbcdef\u001b[39m', 4);
    expect(stripVTControlCharacters(text)).toBe('abc…');
    expect(text).toContain('\u001b[0m');
  });
});

describe('LiveScreen', () => {
  it('writes a line above the panel and draws the panel again', () => {
    const written: string[] = [];
    const screen = new LiveScreen(
      (text) => written.push(text),
      () => 80,
    );
    screen.panel(['one', 'two']);
    screen.line('above');
    screen.close();
    expect(written.slice(1)).toEqual(['\r\u001b[Jone\ntwo\n', '\u001b[2A\r\u001b[Jabove\none\ntwo\n', '\u001b[?25h']);
  });
});

it('PlainScreen writes lines only', () => {
  let text = '';
  const screen = new PlainScreen((more) => {
    text += more;
  });
  screen.panel();
  screen.line('a');
  expect(text).toBe('a\n');
});
