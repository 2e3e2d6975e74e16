import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { ClusterSpec } from '../../model/cluster-spec.ts';
import { documentJsonSchema, parseDocuments, toDocument } from './index.ts';

const NAMED = 'apiVersion: howdah.dev/v1alpha1\nkind: PostgresCluster\nmetadata:\n  name: orders\n';
const SPEC = `${NAMED}spec:\n`;
const PARAMETERS = `${SPEC}  postgres:\n    parameters:\n`;

describe('a sound document', () => {
  it('of a name alone has every default', () => {
    expect(parseDocuments(NAMED, 'c.yaml')).toEqual({
      problems: [],
      clusters: [
        {
          name: 'orders',
          instances: 3,
          postgres: { parameters: {}, auth: 'trust' },
          durability: { mode: 'strict', quorum: 1 },
          routes: {
            rw: { port: 0 },
            ro: { port: 0, maxLagBytes: 16 * 2 ** 20, fallback: 'primary' },
            any: { port: 0 },
          },
          failover: { automatic: true, suspectAfterMs: 1000, restAfterSilenceMs: 60_000, leaseMs: 5000 },
          tags: {},
        },
      ],
    });
  });

  it('of one instance is asynchronous', () => {
    const [cluster] = parseDocuments(`${SPEC}  instances: 1\n`, 'c.yaml').clusters;
    expect(cluster?.durability).toEqual({ mode: 'async', quorum: 0 });
  });

  it('may set PostgreSQL with text, numbers, and true or false', () => {
    const text = `${PARAMETERS}      shared_buffers: 128MB
      Max_Connections: 200
      random_page_cost: 1.1
      jit: false
      wal_compression: on
      log_statement: ''
      app.tenant: "1.10"
`;
    expect(parseDocuments(text, 'c.yaml').clusters[0]?.postgres.parameters).toEqual({
      shared_buffers: '128MB',
      max_connections: '200',
      random_page_cost: '1.1',
      jit: 'off',
      wal_compression: 'on',
      log_statement: '',
      'app.tenant': '1.10',
    });
  });

  it('among unsound ones still becomes a spec; JSON is YAML; empty documents are passed over', () => {
    const json = JSON.stringify({
      ...toDocument(parseDocuments(NAMED, 'c').clusters[0]!),
      metadata: { name: 'billing' },
    });
    const { clusters, problems } = parseDocuments(`---\n${NAMED}spec: 5\n---\n---\n${json}\n---\n`, 'c.yaml');
    expect(clusters.map(({ name }) => name)).toEqual(['billing']);
    expect(problems).toHaveLength(1);
  });

  it('is what toDocument makes of any spec', () => {
    fc.assert(
      fc.property(arbitrarySpec, (spec) => {
        expect(parseDocuments(stringify(toDocument(spec)), 'c.yaml')).toEqual({ clusters: [spec], problems: [] });
      }),
    );
  });

  it('has a JSON schema', () => {
    const schema = documentJsonSchema();
    expect(schema.required).toEqual(['apiVersion', 'kind', 'metadata']);
    expect(schema.additionalProperties).toBe(false);
  });
});

const arbitraryPorts = fc.uniqueArray(fc.integer({ min: 1024, max: 65535 }), { minLength: 3, maxLength: 3 });

const arbitrarySpec: fc.Arbitrary<ClusterSpec> = fc
  .record({
    name: fc.stringMatching(/^[a-z][a-z0-9]{0,20}$/),
    instances: fc.integer({ min: 2, max: 9 }),
    mode: fc.constantFrom('strict', 'available', 'async'),
    share: fc.double({ min: 0, max: 0.99, noNaN: true }),
    ports: arbitraryPorts,
    maxLagBytes: fc.oneof(
      fc.nat(),
      fc.nat(1000).map((mib) => mib * 2 ** 20),
    ),
    suspectAfterMs: fc.integer({ min: 200, max: 60_000 }),
    restAfterSilenceMs: fc.integer({ min: 0, max: 3_600_000 }),
    leaseMs: fc.integer({ min: 1000, max: 60_000 }),
    automatic: fc.boolean(),
    auth: fc.constantFrom('trust', 'scram'),
    fallback: fc.constantFrom('primary', 'none'),
    tags: fc.array(
      fc.record({
        noFailover: fc.boolean(),
        priority: fc.nat(100),
        applyDelayMs: fc.constant(0),
        replicateFrom: fc.constant(''),
        reads: fc.boolean(),
      }),
      { maxLength: 1 },
    ),
    parameters: fc.dictionary(fc.stringMatching(/^my[a-z_]{1,10}$/), fc.stringMatching(/^[ -~]{0,12}$/)),
  })
  .map(({ mode, share, ports, instances, auth, fallback, parameters, name, ...rest }) => ({
    name,
    instances,
    postgres: { parameters: { ...parameters }, auth },
    durability: { mode, quorum: mode === 'async' ? 0 : 1 + Math.floor(share * (instances - 1)) },
    routes: {
      rw: { port: ports[0]! },
      ro: { port: ports[1]!, maxLagBytes: rest.maxLagBytes, fallback },
      any: { port: ports[2]! },
    },
    failover: {
      automatic: rest.automatic,
      suspectAfterMs: rest.suspectAfterMs,
      restAfterSilenceMs: rest.restAfterSilenceMs,
      leaseMs: rest.leaseMs,
    },
    tags: rest.tags.length > 0 ? { [`${name}-2`]: rest.tags[0]! } : {},
  }));
