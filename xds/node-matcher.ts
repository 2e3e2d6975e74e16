/**
 * Which proxies a filter means: envoy.type.matcher.v3.NodeMatcher, in its JSON form, compiled once.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/matcher/v3/node.proto
 */
import { RE2JS } from 're2js';
import { isObject, type Json, type JsonObject } from '../proto/json.ts';

/** @param node envoy.config.core.v3.Node */
export type NodePredicate = (node: JsonObject) => boolean;

export interface MatcherProblem {
  /** For example `node_matchers[0].node_id.safe_regex.regex`. */
  readonly path: string;
  readonly message: string;
}

export interface CompiledMatchers {
  /** Meaningless when there are problems. */
  readonly matches: NodePredicate;
  readonly problems: readonly MatcherProblem[];
}

/** A pattern is not to cost more than it is worth. */
const REGEX_LENGTH_MOST = 1024;

/** Any of the matchers is enough; no matcher means every proxy. */
export function compileNodeMatchers(matchers: readonly Json[]): CompiledMatchers {
  const problems: MatcherProblem[] = [];
  const compiled = matchers.map((matcher, index) => nodeMatcher(matcher, `node_matchers[${index}]`, problems));
  return { matches: (node) => compiled.length === 0 || compiled.some((matches) => matches(node)), problems };
}

type Test = (value: Json | undefined) => boolean;

/** The id and every one of the metadata matchers. */
function nodeMatcher(json: Json, path: string, problems: MatcherProblem[]): NodePredicate {
  const matcher = isObject(json) ? json : {};
  const { node_id: id, node_metadatas: metadatas } = matcher;
  const matchesId = id === undefined ? always : stringTest(id, `${path}.node_id`, problems);
  const structs = listOf(metadatas).map((struct, index) =>
    structTest(struct, `${path}.node_metadatas[${index}]`, problems),
  );
  // Meant to narrow, it would answer with everything.
  if (id === undefined && structs.length === 0) problems.push({ path, message: 'must have node_id or node_metadatas' });
  return (node) => matchesId(node.id ?? '') && structs.every((matches) => matches(node.metadata));
}

function structTest(json: Json, path: string, problems: MatcherProblem[]): Test {
  const struct = isObject(json) ? json : {};
  const keys = listOf(struct.path).map((segment, index) => {
    const key = isObject(segment) && typeof segment.key === 'string' ? segment.key : '';
    if (key === '') problems.push({ path: `${path}.path[${index}].key`, message: 'must not be empty' });
    return key;
  });
  if (keys.length === 0) problems.push({ path: `${path}.path`, message: 'must name at least one key' });
  const matches = valueTest(struct.value, `${path}.value`, problems);
  return (metadata) => matches(keys.reduce<Json | undefined>(member, metadata));
}

function member(json: Json | undefined, key: string): Json | undefined {
  return isObject(json) && Object.hasOwn(json, key) ? json[key] : undefined;
}

function valueTest(json: Json | undefined, path: string, problems: MatcherProblem[]): Test {
  const [kind, pattern] = only(json);
  switch (kind) {
    case 'null_match':
      return (value) => value === null;
    case 'double_match':
      return doubleTest(pattern, `${path}.${kind}`, problems);
    case 'string_match': {
      const matches = stringTest(pattern, `${path}.${kind}`, problems);
      return (value) => typeof value === 'string' && matches(value);
    }
    case 'bool_match':
      return (value) => value === pattern;
    case 'present_match':
      return (value) => pattern === true && value !== undefined && (value === null || typeof value !== 'object');
    case 'list_match': {
      const [, one] = only(pattern);
      const matches = valueTest(one, `${path}.${kind}.one_of`, problems);
      return (value) => Array.isArray(value) && value.some(matches);
    }
    case 'or_match': {
      const list = isObject(pattern) ? listOf(pattern.value_matchers) : [];
      const field = `${path}.${kind}.value_matchers`;
      if (list.length < 2) problems.push({ path: field, message: `must have at least 2, has ${list.length}` });
      const alternatives = list.map((one, index) => valueTest(one, `${field}[${index}]`, problems));
      return (value) => alternatives.some((matches) => matches(value));
    }
    default:
      problems.push({ path, message: 'must say what to match, such as string_match or present_match' });
      return never;
  }
}

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/matcher/v3/number.proto */
function doubleTest(json: Json | undefined, path: string, problems: MatcherProblem[]): Test {
  const [kind, pattern] = only(json);
  if (kind === 'exact') return (value) => value === pattern;
  if (kind === 'range') {
    const range = isObject(pattern) ? pattern : {};
    const [start, end] = [range.start ?? 0, range.end ?? 0];
    return (value) =>
      typeof value === 'number' &&
      typeof start === 'number' &&
      typeof end === 'number' &&
      value >= start &&
      value < end;
  }
  problems.push({ path, message: 'must have exact or range' });
  return never;
}

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/matcher/v3/string.proto */
function stringTest(json: Json | undefined, path: string, problems: MatcherProblem[]): Test {
  const { ignore_case: ignoreCase, ...rest } = isObject(json) ? json : {};
  const [kind, pattern] = only(rest);
  if (kind === 'safe_regex') return regexTest(pattern, `${path}.${kind}.regex`, problems);
  const text = typeof pattern === 'string' ? pattern : '';
  if (text === '' && (kind === 'prefix' || kind === 'suffix' || kind === 'contains')) {
    problems.push({ path: `${path}.${kind}`, message: 'must not be empty' });
    return never;
  }
  const fold = (word: string) => (ignoreCase === true ? word.toLowerCase() : word);
  const sought = fold(text);
  const onText = (test: (value: string) => boolean): Test => {
    return (value) => typeof value === 'string' && test(fold(value));
  };
  switch (kind) {
    case 'exact':
      return onText((value) => value === sought);
    case 'prefix':
      return onText((value) => value.startsWith(sought));
    case 'suffix':
      return onText((value) => value.endsWith(sought));
    case 'contains':
      return onText((value) => value.includes(sought));
    default:
      problems.push({ path, message: 'must have one of exact, prefix, suffix, safe_regex, contains' });
      return never;
  }
}

/**
 * The whole text must match. RE2 takes time linear in the text, whatever the pattern: whoever may ask is not to hold up
 * the process. https://github.com/google/re2/wiki/Syntax
 */
function regexTest(json: Json | undefined, path: string, problems: MatcherProblem[]): Test {
  const regex = isObject(json) && typeof json.regex === 'string' ? json.regex : '';
  if (regex === '') problems.push({ path, message: 'must not be empty' });
  else if (regex.length > REGEX_LENGTH_MOST) {
    problems.push({ path, message: `must have at most ${REGEX_LENGTH_MOST} characters, has ${regex.length}` });
  } else {
    try {
      const compiled = RE2JS.compile(regex);
      return (value) => typeof value === 'string' && compiled.matches(value);
    } catch (error) {
      problems.push({ path, message: error instanceof Error ? error.message : String(error) });
    }
  }
  return never;
}

/** The chosen member of a oneof, and its value. */
function only(json: Json | undefined): readonly [string, Json | undefined] {
  return (isObject(json) ? Object.entries(json)[0] : undefined) ?? ['', undefined];
}

function listOf(json: Json | undefined): readonly Json[] {
  return Array.isArray(json) ? json : [];
}

function always(): boolean {
  return true;
}

function never(): boolean {
  return false;
}
