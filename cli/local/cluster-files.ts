/** The clusters of this run, from the files that the user named. */
import { readFileSync } from 'node:fs';
import { parseFiles, type TextFile } from '../../control-plane/api/document/index.ts';
import { readSource } from '../../control-plane/api/document/yaml-source.ts';
import type { GivenCluster } from './place.ts';
import type { Findings } from './preflight.ts';

/** What is wrong with a file or in it goes to `findings`; clusters of sound documents come back all the same. */
export function readClusterFiles(files: readonly string[], findings: Findings): GivenCluster[] {
  const texts: TextFile[] = [];
  for (const file of new Set(files)) {
    const text = readText(file, findings);
    if (text !== undefined) texts.push({ file, text });
  }
  const { clusters, problems } = parseFiles(texts);
  findings.add('invalid-argument', ...problems);
  const places = texts.flatMap(({ file, text }) =>
    readSource(text, file).documents.map((document) => ({ file, document, name: nameOf(document.value) })),
  );
  return clusters.map((spec) => {
    // parseFiles made the spec from one of these documents.
    const place = places.find(({ name }) => name === spec.name)!;
    return { spec, file: place.file, line: (path) => place.document.line(path.split('.')) };
  });
}

function readText(file: string, findings: Findings): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const message = `${file} can't be read: ${readFailure(error)}`;
    findings.add('invalid-argument', { path: '--file', message });
    return undefined;
  }
}

function readFailure(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a directory';
  return code === 'EACCES' ? 'permission denied' : code;
}

function nameOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('metadata' in value)) return undefined;
  const { metadata } = value;
  return typeof metadata === 'object' && metadata !== null && 'name' in metadata ? metadata.name : undefined;
}
