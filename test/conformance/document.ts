/** `npm run docs:xds`: writes docs/xds-conformance.md, the list of behaviours with the variants in which they hold. */
import { writeFileSync } from 'node:fs';
import type { Chapter } from './behaviour.ts';
import { CHAPTERS } from './chapters.ts';
import { VARIANTS } from './client.ts';

export const DOCUMENT = `${import.meta.dirname}/../../docs/xds-conformance.md`;

const COLUMNS = [
  [VARIANTS.sotwAggregated, 'SotW, ADS'],
  [VARIANTS.deltaAggregated, 'delta, ADS'],
  [VARIANTS.sotwPerType, 'SotW, per type'],
  [VARIANTS.deltaPerType, 'delta, per type'],
] as const;

export function conformanceDocument(chapters: readonly Chapter[]): string {
  const behaviours = chapters.flatMap((chapter) => chapter.behaviours);
  const tests = behaviours.reduce((sum, { variants }) => sum + variants.length, 0);
  return `# Conformance of the xDS server

What the server does, after the [xDS protocol](https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol).
${behaviours.length} behaviours, each shown by a test in every variant of the protocol that is marked: ${tests} tests under
\`test/conformance\`, with a client that sends what the test says and nothing else. An empty field: the variant has no such
thing, or wants something else, which is then a behaviour of its own.

SotW is state of the world; ADS has all types on one stream, otherwise each type has a stream of its own.

This file is written by \`npm run docs:xds\`.
${chapters.map(chapterText).join('')}`;
}

function chapterText({ title, behaviours }: Chapter): string {
  const head = COLUMNS.map(([, label]) => label).join(' | ');
  const rows = behaviours.map(
    ({ name, variants }) =>
      `| ${name.replaceAll('*', '\\*')} | ${COLUMNS.map(([variant]) => (variants.includes(variant) ? 'yes' : '')).join(' | ')} |\n`,
  );
  return `
## ${title}

| | ${head} |
| --- |${COLUMNS.map(() => ' --- |').join('')}
${rows.join('')}`;
}

if (import.meta.main) writeFileSync(DOCUMENT, conformanceDocument(CHAPTERS));
