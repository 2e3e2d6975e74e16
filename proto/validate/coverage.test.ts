/** That nothing which the shipped .proto files ask for is left out, and that encode() and validate() agree on types. */
import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { encode } from '../encode.ts';
import { isObject, type Json, type JsonObject, ProtoError } from '../json.ts';
import { messageOf } from '../registry.ts';
import { compileMessage } from './message.ts';
import { compilePattern } from './pattern.ts';
import { validate } from './validate.ts';

const DEPS = join(dirname(createRequire(import.meta.url).resolve('@grpc/grpc-js-xds/package.json')), 'deps');

/** Rules that take a message of seconds and nanos: what is in it are no rules. */
const TIMES = /^(duration|timestamp)\.(const|lt|lte|gt|gte|in|not_in|within)$/;

interface Found {
  /** Such as `uint32.lte` or `repeated.items.string.min_len`. */
  readonly kinds: Set<string>;
  readonly patterns: Set<string>;
  /** Full names of all message types. */
  readonly messages: string[];
}

/** Every rule of every .proto file of these packages, read without the registry. */
function rulesOf(packages: readonly string[]): Found {
  const found: Found = { kinds: new Set(), patterns: new Set(), messages: [] };
  const addRules = (rules: JsonObject, prefix: string) => {
    for (const [name, rule] of Object.entries(rules)) {
      const kind = prefix === '' ? name : `${prefix}.${name}`;
      if (isObject(rule) && !TIMES.test(kind)) addRules(rule, kind);
      else found.kinds.add(kind);
      if (name === 'pattern' && typeof rule === 'string') found.patterns.add(rule);
    }
  };
  const visit = (node: protobuf.ReflectionObject) => {
    for (const name of Object.keys(node.options ?? {})) {
      if (name.startsWith('(validate.') && !name.startsWith('(validate.rules)')) found.kinds.add(name);
    }
    const options: readonly Record<string, Json>[] = node.parsedOptions ?? [];
    for (const { '(validate.rules)': rules } of options) if (isObject(rules)) addRules(rules, '');
    if (node instanceof protobuf.Type) {
      found.messages.push(node.fullName.slice(1));
      for (const member of [...node.fieldsArray, ...node.oneofsArray]) visit(member);
    }
    if (node instanceof protobuf.Namespace) node.nestedArray.forEach(visit);
  };
  for (const file of packages.flatMap((name) => globSync(`${DEPS}/${name}/**/*.proto`))) {
    visit(protobuf.parse(readFileSync(file, 'utf8'), new protobuf.Root(), { keepCase: true }).root);
  }
  return found;
}

describe('the .proto files of Envoy', () => {
  const { kinds, patterns, messages } = rulesOf(['envoy-api', 'xds']);

  it('have these rules', () => {
    expect([...kinds].sort()).toEqual(KINDS);
  });

  it('have patterns that are the same in JavaScript', () => {
    expect(patterns.size).toBeGreaterThan(3);
    for (const pattern of patterns) expect(() => compilePattern(pattern)).not.toThrow();
  });

  it('have no rule in any message that is not interpreted', () => {
    // Versions before 3 lie in the package, too, but Envoy knows them no more.
    const current = messages.filter((name) => !/\.v[12](alpha\d*|beta\d*)?\./.test(name));
    expect(current.length).toBeGreaterThan(1000);
    const failing = current.flatMap((name) => {
      try {
        compileMessage(messageOf(name), 'rules');
        return [];
      } catch (error) {
        return NOT_SHIPPED.test(String(error)) ? [] : [`${name}: ${error}`];
      }
    });
    expect(failing).toEqual([]);
  }, 60_000);
});

describe('every rule that validate.proto declares', () => {
  it('is interpreted', () => {
    const { messages } = rulesOf(['protoc-gen-validate/tests/harness/cases']);
    expect(messages.length).toBeGreaterThan(200);
    for (const name of messages) expect(() => compileMessage(messageOf(name), 'rules')).not.toThrow();
  });
});

describe('validate and encode', () => {
  const scalar = fc.oneof(
    fc.constantFrom<Json>(
      '',
      'a',
      '1s',
      '-1s',
      '1',
      'EDS',
      'TCP',
      0,
      1,
      -1,
      1.5,
      2 ** 32,
      true,
      false,
      null,
      'NaN',
      [],
      {},
    ),
    fc.constantFrom<Json>('2030-01-01T00:00:00Z', 'AAEC', '\ud800', { '@type': 'x' }, [null], [1, 'a']),
  );
  const name = fc.constantFrom(
    ...['name', 'type', 'cluster_type', 'connect_timeout', 'lb_policy', 'health_checks', 'metadata', 'filter_metadata'],
    ...['timeout', 'interval', 'tcp_health_check', 'value', 'address', 'socket_address', 'port_value', 'nothing'],
    ...['lb_endpoints', 'endpoints', 'load_assignment', 'endpoint', 'raw_value', 'header', 'http_health_check'],
    ...['request_headers_to_add', 'load_balancing_weight', 'transport_socket', 'typed_config', 'dns_refresh_rate'],
  );
  const json = fc.letrec<{ node: Json }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'medium' },
      scalar,
      fc.dictionary(name, tie('node'), { maxKeys: 5 }),
      fc.array(tie('node'), { maxLength: 3 }),
    ),
  })).node;

  it('refuse the same values for their types', () => {
    fc.assert(
      fc.property(fc.dictionary(name, json, { maxKeys: 6 }), (cluster) => {
        const problems = validate('envoy.config.cluster.v3.Cluster', cluster);
        try {
          encode('envoy.config.cluster.v3.Cluster', cluster);
        } catch (error) {
          if (!(error instanceof ProtoError)) throw error;
          expect(problems).toContainEqual({ path: error.path, message: error.detail });
        }
      }),
      { numRuns: 2000 },
    );
  });
});

/** Messages of others that a few of Envoy's have in them; the package has no files of them. */
const NOT_SHIPPED = /no such Type or Enum '(opencensus|opentelemetry|io\.prometheus)\./;

/** A new one here wants a look at docs/validation.md. */
const KINDS = [
  '(validate.required)',
  'any.required',
  'bool.const',
  'bytes.max_len',
  'bytes.min_len',
  'double.gt',
  'double.gte',
  'double.lte',
  'duration.gt',
  'duration.gte',
  'duration.lt',
  'duration.lte',
  'duration.required',
  'enum.defined_only',
  'enum.not_in',
  'float.gte',
  'int32.gt',
  'int32.gte',
  'int32.lte',
  'int64.gt',
  'map.keys.string.min_len',
  'map.min_pairs',
  'map.values.string.min_len',
  'message.required',
  'repeated.items.double.gt',
  'repeated.items.enum.defined_only',
  'repeated.items.string.in',
  'repeated.items.string.max_bytes',
  'repeated.items.string.min_len',
  'repeated.items.string.strict',
  'repeated.items.string.well_known_regex',
  'repeated.items.uint32.gte',
  'repeated.items.uint32.lt',
  'repeated.items.uint32.lte',
  'repeated.max_items',
  'repeated.min_items',
  'repeated.unique',
  'string.ignore_empty',
  'string.in',
  'string.max_bytes',
  'string.max_len',
  'string.min_bytes',
  'string.min_len',
  'string.pattern',
  'string.strict',
  'string.well_known_regex',
  'uint32.gt',
  'uint32.gte',
  'uint32.lt',
  'uint32.lte',
  'uint64.gt',
  'uint64.gte',
  'uint64.lt',
  'uint64.lte',
];
