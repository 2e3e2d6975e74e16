/** Which part may import which, as data and a pure check over the text of the sources. */
import { posix } from 'node:path';

/** Path from the checkout's root, to text. */
export type Sources = ReadonlyMap<string, string>;

/**
 * By directory, the longest match counts: what files in it may import of ours, by prefix; their own directory always.
 * proto <- grpc <- xds <- envoy-config <- control-plane; agent and cli see only the boundaries.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  proto: [],
  grpc: ['proto/'],
  xds: ['proto/', 'grpc/'],
  'envoy-config': ['proto/', 'xds/'],
  'control-plane/model': [],
  'control-plane/runtime': ['control-plane/model/', 'proto/'],
  'control-plane': ['proto/', 'grpc/', 'xds/', 'envoy-config/'],
  agent: [
    ...['proto/', 'xds/', 'control-plane/model/', 'control-plane/runtime/'],
    ...['envoy-config/bootstrap.ts', 'envoy-config/names.ts'],
  ],
  cli: ['control-plane/api/', 'control-plane/model/', 'control-plane/runtime/'],
};

export const SOURCE_DIRECTORIES = ['proto', 'grpc', 'xds', 'envoy-config', 'control-plane', 'agent', 'cli'] as const;

/**
 * Files that decide, translate or compare: no input or output, no clock, no network. Of node: only hashing; no package
 * but those here. A value that they import comes from another pure file or from proto/, a type from anywhere.
 */
const PURE = [
  /^control-plane\/model\//,
  /^control-plane\/manager\/(?!agent-service|agent-stream|knock|manager\.ts|runner\.ts)/,
  /^control-plane\/routing\//,
  /^control-plane\/api\/document\//,
  /^envoy-config\//,
  /^xds\/(?!server\.ts|rehearsal(-proxy)?\.ts|stream-server\.ts|csds-server\.ts|index\.ts)/,
  /^agent\/(closed|plan|plan-slots|plan-sync|divergence|goal-text|sealed-text|observe\/observed)\.ts$/,
  /^agent\/envoy\/cache\/(cached-resources|config-dump|cache-text)\.ts$/,
];
const PURE_PACKAGES = ['node:crypto', 're2js', 'yaml', 'zod'];

/** Packages that only one place touches. */
const KEPT_TO: Readonly<Record<string, string>> = {
  protobufjs: 'proto/',
  pino: 'control-plane/runtime/logger.ts',
  'pino-pretty': 'control-plane/runtime/logger.ts',
  commander: 'cli/',
  'prom-client': 'control-plane/metrics/',
  re2js: 'xds/node-matcher.ts',
};

export const MAX_LINES = 500;
/** Beyond it the first lines of a file say why. */
export const USUAL_LINES = 400;

export interface Import {
  /** As written. */
  readonly specifier: string;
  readonly typeOnly: boolean;
}

const STATEMENT = /^\s*(import|export)\s+(type\s+)?[^'";=()]*?\bfrom\s+['"]([^'"]+)['"]/gm;
const BARE = /^\s*import\s+['"]([^'"]+)['"]/gm;
const DYNAMIC = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

export function importsOf(source: string): Import[] {
  // Comments may hold anything, examples of imports included.
  const text = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  return [
    ...[...text.matchAll(STATEMENT)].map((match) => ({ specifier: match[3]!, typeOnly: match[2] !== undefined })),
    ...[...text.matchAll(BARE)].map((match) => ({ specifier: match[1]!, typeOnly: false })),
    ...[...text.matchAll(DYNAMIC)].map((match) => ({ specifier: match[1]!, typeOnly: false })),
  ];
}

/** Every broken rule as one sentence that names the file, in the order of the files. */
export function brokenRules(sources: Sources): string[] {
  return [...sources].flatMap(([file, text]) => [
    ...importsOf(text).flatMap((found) => brokenByImport(file, found, sources)),
    ...brokenBySize(file, text),
  ]);
}

function brokenByImport(file: string, found: Import, sources: Sources): string[] {
  const { specifier } = found;
  const isTest = file.endsWith('.test.ts');
  if (!specifier.startsWith('.')) return isTest ? [] : brokenByPackage(file, specifier);
  const target = posix.normalize(`${posix.dirname(file)}/${specifier}`);
  if (isTest && target.startsWith('test/')) return [];
  const directory = partOf(file);
  const allowed = [`${directory}/`, ...(MAY_IMPORT[directory] ?? [])];
  if (!allowed.some((prefix) => target.startsWith(prefix))) {
    return [`${file} imports ${target}: ${directory} may import only ${allowed.join(', ')}`];
  }
  if (!sources.has(target)) return [`${file} imports ${target}, which is not there`];
  const fromPure = isPure(target) || target.startsWith('proto/');
  if (isPure(file) && !isTest && !found.typeOnly && !fromPure) {
    return [`${file} is pure, but imports a value of ${target}, which is not: pass it in, or import its type only`];
  }
  return [];
}

function brokenByPackage(file: string, specifier: string): string[] {
  const name = specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : specifier.split('/')[0]!;
  const place = KEPT_TO[name];
  if (place && !file.startsWith(place)) return [`${file} imports ${name}: only ${place} may`];
  if (isPure(file) && !PURE_PACKAGES.includes(name)) {
    return [`${file} is pure, but imports ${name}: pure files import only ${PURE_PACKAGES.join(', ')}`];
  }
  return [];
}

function brokenBySize(file: string, text: string): string[] {
  const lines = text.split('\n').length - 1;
  if (lines > MAX_LINES) return [`${file} has ${lines} lines: split it, ${MAX_LINES} is the most`];
  if (lines <= USUAL_LINES) return [];
  // The comment that the file begins with.
  const head = /^(\/\*[\s\S]*?\*\/|(\/\/.*\n)+)/.exec(text)?.[0] ?? '';
  if (/one file|long|lines/i.test(head)) return [];
  return [`${file} has ${lines} lines: split it, or say in its first comment why it is so long`];
}

function isPure(file: string): boolean {
  return PURE.some((pattern) => pattern.test(file));
}

function partOf(file: string): string {
  const parts = Object.keys(MAY_IMPORT).filter((directory) => file.startsWith(`${directory}/`));
  return parts.sort((a, b) => b.length - a.length)[0] ?? posix.dirname(file);
}
