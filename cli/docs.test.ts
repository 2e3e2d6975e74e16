import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../control-plane/model/errors.ts';
import { systemIo } from './io.ts';
import { createProgram } from './main.ts';

const text = readFileSync(new URL('../docs/cli.md', import.meta.url), 'utf8');
const commands = createProgram(systemIo('/')).commands;

describe('docs/cli.md', () => {
  it.each(commands.map((command) => command.name()))('has a section for howdah %s', (name) => {
    expect(text).toMatch(new RegExp(`^### \`howdah ${name}[ \`]`, 'm'));
  });

  it.each(commands.flatMap((command) => command.options.map((option) => [command.name(), option.long!] as const)))(
    'tells of howdah %s %s',
    (name, flag) => {
      const section = text.split(/^### /m).find((part) => part.startsWith(`\`howdah ${name}`));
      expect(section).toContain(flag);
    },
  );

  it('has no section for a command that is none', () => {
    const named = [...text.matchAll(/^### `howdah ([a-z-]+)/gm)].map((match) => match[1]!);
    expect(named.filter((name) => !commands.some((command) => command.name() === name))).toEqual(['help']);
  });

  it('has every exit code with its error code, and no other', () => {
    const rows = [...text.matchAll(/^\| (\d+) \| `([a-z-]+)` \|/gm)].map((match) => [match[2], Number(match[1])]);
    expect(rows).toEqual(Object.entries(ERROR_CODES).map(([code, { exit }]) => [code, exit]));
  });
});
