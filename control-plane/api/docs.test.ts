import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildView } from '../../test/support/build-view.ts';
import { ERROR_CODES } from '../model/errors.ts';
import { clusterStatus } from './cluster-status.ts';
import { ROUTES } from './contract.ts';

const page = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

/** The texts of a page's headings of one level. */
const headings = (text: string, level: number) =>
  [...text.matchAll(new RegExp(`^#{${level}} (.+)$`, 'gm'))].map((match) => match[1]!);

describe('docs/errors.md', () => {
  const text = page('errors.md');

  it('explains every code and no other', () => {
    expect(headings(text, 2).sort()).toEqual(Object.keys(ERROR_CODES).sort());
  });

  it.each(Object.entries(ERROR_CODES))('has the numbers of %s', (code, { exit, http, grpc }) => {
    expect(text).toContain(`| [\`${code}\`](#${code}) | ${exit} | ${http} | ${grpc} \``);
  });
});

describe('docs/api.md', () => {
  const text = page('api.md');

  it('explains every route and no other', () => {
    const routes = Object.values(ROUTES).map(({ method, path }) => `\`${method} ${path}\``);
    expect(headings(text, 3).sort()).toEqual(routes.sort());
  });

  it('explains every condition and every field of a status', () => {
    const status = clusterStatus(buildView());
    for (const { type } of status.conditions) expect(text).toContain(`| \`${type}\` |`);
    for (const field of Object.keys(status)) expect(text).toContain(`| \`${field}\` |`);
    for (const field of Object.keys(status.instances[0]!)) expect(text).toMatch(new RegExp(`\\| .*\`${field}\`.* \\|`));
  });
});
