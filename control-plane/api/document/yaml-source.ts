/** From text to plain values with the lines they stand on, or to what is wrong with the text as YAML. */
import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseAllDocuments,
  visit,
  type YAMLError,
} from 'yaml';
import type { Problem } from '../../model/errors.ts';
import type { Path } from './path.ts';

/** One YAML document that could be read. */
export interface SourceDocument {
  readonly value: unknown;
  /** The text of this document has a mistake, so the value may not be what was meant. */
  readonly flawed: boolean;
  /** 1-based line of the field at the path, else of the nearest thing around it that exists. */
  line(path: Path): number;
}

export interface Source {
  readonly documents: readonly SourceDocument[];
  /** Mistakes in the text itself; their path is the file's name. */
  readonly problems: readonly Problem[];
}

export function readSource(text: string, file: string): Source {
  // A decoder that isn't strict puts U+FFFD where bytes were no UTF-8.
  const binary = /[\0\uFFFD]/.exec(text);
  if (binary) {
    const line = text.slice(0, binary.index).split('\n').length;
    return { documents: [], problems: [{ path: file, line, message: 'is not a text file in UTF-8' }] };
  }
  const lines = new LineCounter();
  const parsed = [...parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' })];
  const lineAt = (offset: number) => Math.max(1, lines.linePos(offset).line);
  const documents: SourceDocument[] = [];
  const problems: Problem[] = [];
  for (const document of parsed) {
    const found = [...textProblems(document, file, text, lineAt), ...nodeProblems(document, file, lineAt)];
    problems.push(...found);
    // After a duplicate key the rest can still be trusted, after any other mistake the structure is a guess.
    const readable = found.length === 0 || document.errors.every((error) => error.code === 'DUPLICATE_KEY');
    const opaque = found.some(({ message }) => message === ALIAS || message === PROTO);
    if (!readable || opaque || isEmpty(document)) continue;
    documents.push({
      value: document.toJS(),
      flawed: found.length > 0,
      line: (path) => lineAt(offsetOf(document, path)),
    });
  }
  if (documents.length === 0 && problems.length === 0) {
    const message = 'is empty: write at least one document with apiVersion, kind, metadata and spec';
    problems.push({ path: file, line: 1, message });
  }
  return { documents, problems };
}

function isEmpty(document: Document.Parsed): boolean {
  return document.contents === null || (isScalar(document.contents) && document.contents.source === '');
}

function textProblems(
  document: Document.Parsed,
  file: string,
  text: string,
  lineAt: (offset: number) => number,
): Problem[] {
  const byLine = new Map<number, Problem>();
  for (const error of [...document.errors, ...document.warnings]) {
    const line = lineAt(error.pos[0]);
    // One mistake often makes several errors of the parser; the first on a line is the mistake.
    if (!byLine.has(line)) byLine.set(line, { path: file, line, message: wording(error, text) });
  }
  return [...byLine.values()];
}

function wording(error: YAMLError, text: string): string {
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return 'is indented with a tab: YAML allows only blanks';
    case 'DUPLICATE_KEY':
      return `names ${/^[^\s:,}]*/.exec(text.slice(error.pos[0]))?.[0]} a second time: remove one of the two`;
    case 'TAG_RESOLVE_FAILED':
      return 'has a tag (a word after "!"): remove it, or quote the text';
    case 'RESOURCE_EXHAUSTION':
      return 'is nested too deep';
    default:
      return `is not YAML: ${error.message}`;
  }
}

const ALIAS = 'uses an alias (*): write the value out';
const PROTO = 'uses the name __proto__: remove it';

/** What is YAML, but can't be a value of ours. */
function nodeProblems(document: Document.Parsed, file: string, lineAt: (offset: number) => number): Problem[] {
  const problems: Problem[] = [];
  const report = (node: Node, message: string) =>
    problems.push({ path: file, line: lineAt(node.range?.[0] ?? 0), message });
  visit(document, {
    Alias(_, node) {
      report(node, ALIAS);
    },
    Scalar(key, node) {
      if (key === 'key' && node.value === '__proto__') report(node, PROTO);
    },
  });
  return problems;
}

function offsetOf(document: Document.Parsed, path: Path): number {
  let node: ParsedNode | null = document.contents;
  let offset = node?.range[0] ?? 0;
  for (const part of path) {
    if (isMap(node)) {
      const pair = (node.items as { key: ParsedNode; value: ParsedNode | null }[]).find(
        ({ key }) => isScalar(key) && String(key.value) === String(part),
      );
      if (!pair) return offset;
      offset = pair.key.range[0];
      node = pair.value;
    } else if (isSeq(node)) {
      node = (node.items as ParsedNode[])[Number(part)] ?? null;
      offset = node?.range[0] ?? offset;
    } else return offset;
  }
  return offset;
}
