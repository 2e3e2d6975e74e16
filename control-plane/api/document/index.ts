/**
 * PostgresCluster documents: from the YAML that a person wrote to ClusterSpecs, or to the list of every mistake in it.
 */
import type { ClusterSpec } from '../../model/cluster-spec.ts';
import type { Problem } from '../../model/errors.ts';
import { formatPath, type Path } from './path.ts';
import { checkRules, checkTogether, type Entry } from './rules.ts';
import { checkShape } from './shape.ts';
import { toSpec } from './spec.ts';
import { readSource, type SourceDocument } from './yaml-source.ts';

export { OWNED_PARAMETERS } from './parameters.ts';
export { API_VERSION, documentJsonSchema, KIND, type PostgresClusterDocument } from './schema.ts';
export { toDocument } from './spec.ts';

/** A text with the name that people know it by. */
export interface TextFile {
  readonly file: string;
  readonly text: string;
}

/** A mistake, and where it stands. Its path is the file's name when the text itself is wrong. */
export interface FileProblem extends Problem {
  readonly file: string;
  readonly line: number;
}

export interface Documents {
  /** Those whose own documents are without a mistake, in the order of the text. */
  readonly clusters: ClusterSpec[];
  /** By file, then by line. */
  readonly problems: FileProblem[];
}

/** Reads one text with one or several documents. Never throws for what is in the text. */
export function parseDocuments(text: string, file: string): Documents {
  return parseFiles([{ text, file }]);
}

/** The same for several texts that are to be true together: names and ports are unique over all of them. */
export function parseFiles(files: readonly TextFile[]): Documents {
  const clusters: ClusterSpec[] = [];
  const problems: FileProblem[] = [];
  const entries: Entry[] = [];
  for (const { text, file } of files) {
    const source = readSource(text, file);
    problems.push(...source.problems.map((problem) => ({ ...problem, file, line: problem.line ?? 1 })));
    for (const document of source.documents) {
      const read = readDocument(document, file);
      problems.push(...read.problems);
      if (read.entry) entries.push(read.entry);
      if (read.cluster) clusters.push(read.cluster);
    }
  }
  for (const { entry, path, message } of checkTogether(entries)) {
    problems.push({ path: formatPath(path), message, file: entry.file, line: entry.line(path) });
  }
  const order = files.map(({ file }) => file);
  problems.sort((a, b) => order.indexOf(a.file) - order.indexOf(b.file) || a.line - b.line);
  return { clusters, problems };
}

interface ReadDocument {
  readonly problems: FileProblem[];
  readonly entry?: Entry;
  readonly cluster?: ClusterSpec;
}

function readDocument(source: SourceDocument, file: string): ReadDocument {
  const shape = checkShape(source.value);
  const place = ({ path, message }: { path: Path; message: string }): FileProblem => ({
    path: path.length > 0 ? formatPath(path) : file,
    message,
    file,
    line: source.line(path),
  });
  const problems = shape.problems.map(place);
  const document = shape.sound;
  if (!document) return { problems };
  const cluster = toSpec(document);
  problems.push(...checkRules(document, cluster, shape).map(place));
  const entry: Entry = { document, file, line: (path) => source.line(path) };
  return problems.length > 0 || source.flawed ? { problems, entry } : { problems, entry, cluster };
}
