import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type FileProblem, OWNED_PARAMETERS, parseDocuments, parseFiles } from './index.ts';

const HEAD = 'apiVersion: howdah.dev/v1alpha1\nkind: PostgresCluster\n';
/** Four lines; what a case adds begins on line 5. */
const NAMED = `${HEAD}metadata:\n  name: orders\n`;
/** Five lines. */
const SPEC = `${NAMED}spec:\n`;
/** Seven lines. */
const PARAMETERS = `${SPEC}  postgres:\n    parameters:\n`;

/** As `howdah validate` prints them. */
function problems(text: string): string[] {
  return parseDocuments(text, 'c.yaml').problems.map(formatProblem);
}

function formatProblem({ file, line, path, message }: FileProblem): string {
  return path === file ? `${file}:${line}: ${message}` : `${file}:${line}: ${path}: ${message}`;
}

describe('every mistake has a line, a path and a way out', () => {
  const EMPTY = 'c.yaml:1: is empty: write at least one document with apiVersion, kind, metadata and spec';
  const DNS_LABEL = 'must be a DNS label: lower-case letters, digits and "-", with a letter or digit first and last';
  const PORT = 'must be from 1024 to 65535, or 0 to let Howdah choose a free one';

  it.each<[what: string, text: string, ...messages: string[]]>([
    // The text
    ['empty file', '', EMPTY],
    ['only a comment', '# later\n', EMPTY],
    ['only separators', '---\n---\n', EMPTY],
    ['binary file', 'a: 1\nb: \0\n', 'c.yaml:2: is not a text file in UTF-8'],
    ['other encoding', 'a: \uFFFD\n', 'c.yaml:1: is not a text file in UTF-8'],
    ['tab', `${SPEC}\tinstances: 3\n`, 'c.yaml:6: is indented with a tab: YAML allows only blanks'],
    ['open quote', 'apiVersion: "howdah\n', 'c.yaml:2: is not YAML: Missing closing "quote'],
    ['two colons', 'a: b: c\n', 'c.yaml:1: is not YAML: Nested mappings are not allowed in compact mappings'],
    [
      'wrong indentation',
      `${SPEC}    instances: 3\n  failover: {}\n`,
      'c.yaml:7: is not YAML: All mapping items must start at the same column',
    ],
    [
      'field twice',
      `${SPEC}  instances: 3\n  instances: 5\n`,
      'c.yaml:7: names instances a second time: remove one of the two',
    ],
    ['alias', `${HEAD}metadata: &m {name: orders}\nspec: *m\n`, 'c.yaml:4: uses an alias (*): write the value out'],
    ['tag', `${NAMED}spec: !x {}\n`, 'c.yaml:5: has a tag (a word after "!"): remove it, or quote the text'],
    ['too deep', '['.repeat(20_000), 'c.yaml:1: is nested too deep'],
    ['prototype', `${PARAMETERS}      __proto__: 1\n`, 'c.yaml:8: uses the name __proto__: remove it'],
    // What kind of document
    [
      'plain text',
      'hello\n',
      'c.yaml:1: must be a mapping with apiVersion, kind, metadata and spec, is the text "hello"',
    ],
    ['list', '- a\n', 'c.yaml:1: must be a mapping with apiVersion, kind, metadata and spec, is a list'],
    [
      'another kind',
      'apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: 1}\n',
      'c.yaml:2: kind: must be PostgresCluster, is "Deployment": remove this document from the file',
    ],
    [
      'kind misspelt',
      NAMED.replace('PostgresCluster', 'PostgresCuster'),
      'c.yaml:2: kind: must be PostgresCluster, is the text "PostgresCuster"',
    ],
    [
      'another version',
      NAMED.replace('v1alpha1', 'v1'),
      'c.yaml:1: apiVersion: must be howdah.dev/v1alpha1, is the text "howdah.dev/v1"',
    ],
    [
      'neither version nor kind',
      'metadata: {name: orders}\n',
      'c.yaml:1: apiVersion: is missing: add "apiVersion: howdah.dev/v1alpha1"',
      'c.yaml:1: kind: is missing: add "kind: PostgresCluster"',
    ],
    // The name
    ['no metadata', HEAD, 'c.yaml:1: metadata: is missing: add metadata'],
    ['empty metadata', `${HEAD}metadata:\n`, 'c.yaml:3: metadata: is empty: give it a value'],
    ['no name', `${HEAD}metadata: {}\n`, 'c.yaml:3: metadata.name: is missing: add metadata.name'],
    [
      'bad name',
      `${HEAD}metadata: {name: Orders_DB}\n`,
      `c.yaml:3: metadata.name: ${DNS_LABEL}, is the text "Orders_DB"`,
    ],
    [
      'long name',
      `${HEAD}metadata: {name: ${'x'.repeat(41)}}\n`,
      'c.yaml:3: metadata.name: must have at most 40 characters, has 41',
    ],
    ['number as name', `${HEAD}metadata: {name: 5}\n`, 'c.yaml:3: metadata.name: must be text, is 5: put it in quotes'],
    [
      'namespace',
      `${NAMED}  namespace: prod\n`,
      'c.yaml:5: metadata.namespace: is no field: remove it; the fields of metadata are name, labels, annotations',
    ],
    // Fields
    ['misspelt field', `${SPEC}  instanses: 3\n`, 'c.yaml:6: spec.instanses: is no field: did you mean "instances"?'],
    [
      'field in the wrong place',
      `${NAMED}instances: 3\n`,
      'c.yaml:5: instances: is no field here: it belongs at spec.instances',
    ],
    [
      'unknown field',
      `${SPEC}  replicas: 3\n`,
      'c.yaml:6: spec.replicas: is no field: remove it; the fields of spec are instances, postgres, durability, routes, failover, tags',
    ],
    [
      'odd field',
      `${SPEC}  ? [a]\n  : b\n`,
      'c.yaml:5: spec["[ a ]"]: is no field: remove it; the fields of spec are instances, postgres, durability, routes, failover, tags',
    ],
    [
      'list for a mapping',
      `${NAMED}spec: []\n`,
      'c.yaml:5: spec: must be a mapping (lines of "name: value"), is a list',
    ],
    ['empty spec', `${NAMED}spec:\n`, 'c.yaml:5: spec: is empty: give it a value or remove the field'],
    ['too few instances', `${SPEC}  instances: 0\n`, 'c.yaml:6: spec.instances: must be from 1 to 9, is 0'],
    ['too many instances', `${SPEC}  instances: 10\n`, 'c.yaml:6: spec.instances: must be from 1 to 9, is 10'],
    ['part of an instance', `${SPEC}  instances: 2.5\n`, 'c.yaml:6: spec.instances: must be a whole number, is 2.5'],
    [
      'number in quotes',
      `${SPEC}  instances: "3"\n`,
      'c.yaml:6: spec.instances: must be a whole number, is the text "3": remove the quotes',
    ],
    [
      'word for a choice',
      `${SPEC}  durability: {mode: stric}\n`,
      'c.yaml:6: spec.durability.mode: must be one of strict, available, async, is the text "stric": did you mean "strict"?',
    ],
    [
      'unknown auth',
      `${SPEC}  postgres: {auth: md5}\n`,
      'c.yaml:6: spec.postgres.auth: must be one of trust, scram, is the text "md5"',
    ],
    [
      'yes for true',
      `${SPEC}  failover: {automatic: yes}\n`,
      'c.yaml:6: spec.failover.automatic: must be true or false, is the text "yes"',
    ],
    [
      'duration without a unit',
      `${SPEC}  failover: {lease: 5}\n`,
      'c.yaml:6: spec.failover.lease: must be text, is 5: a duration has a unit (500ms, 1s)',
    ],
    [
      'no duration',
      `${SPEC}  failover: {lease: soon}\n`,
      'c.yaml:6: spec.failover.lease: must be a duration with a unit: 500ms, 1s, 1m, is the text "soon"',
    ],
    [
      'short duration',
      `${SPEC}  failover: {suspectAfter: 100ms}\n`,
      'c.yaml:6: spec.failover.suspectAfter: must be from 200ms to 60s, is the text "100ms"',
    ],
    [
      'long duration',
      `${SPEC}  failover: {lease: 1h}\n`,
      'c.yaml:6: spec.failover.lease: must be from 1s to 60s, is the text "1h"',
    ],
    [
      'size without a unit of ours',
      `${SPEC}  routes: {ro: {maxLag: 16M}}\n`,
      'c.yaml:6: spec.routes.ro.maxLag: must be a size (512KiB, 16MiB, 1GiB) or a whole number of bytes, is the text "16M"',
    ],
    [
      'negative size',
      `${SPEC}  routes: {ro: {maxLag: -1}}\n`,
      'c.yaml:6: spec.routes.ro.maxLag: must be a size (512KiB, 16MiB, 1GiB) or a whole number of bytes, is -1',
    ],
    ['privileged port', `${SPEC}  routes: {rw: {port: 80}}\n`, `c.yaml:6: spec.routes.rw.port: ${PORT}, is 80`],
    ['no such port', `${SPEC}  routes: {rw: {port: 70000}}\n`, `c.yaml:6: spec.routes.rw.port: ${PORT}, is 70000`],
    [
      'route without its mapping',
      `${SPEC}  routes: {rw: 5432}\n`,
      'c.yaml:6: spec.routes.rw: must be a mapping (lines of "name: value"), is 5432',
    ],
    [
      'lag of the wrong route',
      `${SPEC}  routes: {rw: {maxLag: 1MiB}}\n`,
      'c.yaml:6: spec.routes.rw.maxLag: is no field here: it belongs at spec.routes.ro.maxLag',
    ],
    // Rules over several fields
    [
      'quorum of all',
      `${SPEC}  instances: 2\n  durability: {quorum: 2}\n`,
      "c.yaml:7: spec.durability.quorum: must be less than spec.instances (2), is 2: the primary doesn't count",
    ],
    [
      'quorum of nobody',
      `${SPEC}  durability: {quorum: 0}\n`,
      'c.yaml:6: spec.durability.quorum: must be 1 or more with mode strict, is 0: mode async waits for nobody',
    ],
    [
      'quorum that nobody waits for',
      `${SPEC}  durability: {mode: async, quorum: 1}\n`,
      'c.yaml:6: spec.durability.quorum: must be 0 or left out with mode async, is 1: nobody is waited for',
    ],
    [
      'strict alone',
      `${SPEC}  instances: 1\n  durability: {mode: strict}\n`,
      'c.yaml:7: spec.durability.mode: is strict, which needs a standby: set spec.instances to 2 or more, or the mode to async',
    ],
    [
      'port of another route',
      `${SPEC}  routes:\n    rw: {port: 6000}\n    any: {port: 6000}\n`,
      "c.yaml:8: spec.routes.any.port: is 6000, which orders's route rw (c.yaml:7) has: choose another, or 0",
    ],
    // Settings of PostgreSQL
    [
      'setting that Howdah owns',
      `${PARAMETERS}      wal_level: logical\n`,
      'c.yaml:8: spec.postgres.parameters.wal_level: belongs to Howdah: standbys need it to be replica or more; remove it',
    ],
    [
      'the same in capitals',
      `${PARAMETERS}      FSYNC: off\n`,
      'c.yaml:8: spec.postgres.parameters.FSYNC: belongs to Howdah: an acknowledged commit could be lost in a crash; remove it',
    ],
    [
      'no name of a setting',
      `${PARAMETERS}      work mem: 4MB\n`,
      'c.yaml:8: spec.postgres.parameters["work mem"]: is not the name of a PostgreSQL setting: letters, digits, "_" and "$"',
    ],
    [
      'list as a value',
      `${PARAMETERS}      work_mem: [4MB]\n`,
      'c.yaml:8: spec.postgres.parameters.work_mem: must be text, a number, true or false, is a list',
    ],
    [
      'no value',
      `${PARAMETERS}      work_mem:\n`,
      'c.yaml:8: spec.postgres.parameters.work_mem: is empty: give it a value or remove the field',
    ],
    [
      'line break in a value',
      `${PARAMETERS}      x.y: "a\\nfsync = off"\n`,
      'c.yaml:8: spec.postgres.parameters["x.y"]: holds a line break or another control character: remove it',
    ],
    [
      'inexact number',
      `${PARAMETERS}      x.y: 18446744073709551615\n`,
      'c.yaml:8: spec.postgres.parameters["x.y"]: is a number that YAML can not hold exactly: quote it',
    ],
    [
      'one setting twice',
      `${PARAMETERS}      work_mem: 4MB\n      Work_Mem: 8MB\n`,
      'c.yaml:9: spec.postgres.parameters.Work_Mem: is the same setting as work_mem: remove one of the two',
    ],
    [
      'commits that wait for nobody',
      `${PARAMETERS}      synchronous_commit: local\n`,
      'c.yaml:8: spec.postgres.parameters.synchronous_commit: must be on or remote_apply with spec.durability.mode strict, is local: a commit would not wait for its standbys; set it by role or session where that is wanted',
    ],
    [
      'tags of an instance that is not there',
      `${SPEC}  tags:\n    orders-4: { noFailover: true }\n`,
      'c.yaml:7: spec.tags["orders-4"]: there is no such instance: there is orders-1 to orders-3',
    ],
    [
      'a tag that is none',
      `${SPEC}  tags:\n    orders-3: { nofailover: true }\n`,
      'c.yaml:7: spec.tags["orders-3"].nofailover: is no field: did you mean "noFailover"?',
    ],
    [
      'a priority out of range',
      `${SPEC}  tags:\n    orders-3: { priority: 101 }\n`,
      'c.yaml:7: spec.tags["orders-3"].priority: must be from 0 to 100, is 101',
    ],
    [
      'a delay without a unit',
      `${SPEC}  tags:\n    orders-3: { applyDelay: 5 }\n`,
      'c.yaml:7: spec.tags["orders-3"].applyDelay: must be text, is 5: a duration has a unit (500ms, 1s)',
    ],
    [
      'sources in a circle',
      `${SPEC}  instances: 5\n  tags:\n    orders-4: { replicateFrom: orders-5 }\n    orders-5: { replicateFrom: orders-4 }\n`,
      'c.yaml:8: spec.tags["orders-4"].replicateFrom: must not lead back to itself: orders-4 from orders-5 from orders-4',
      'c.yaml:9: spec.tags["orders-5"].replicateFrom: must not lead back to itself: orders-5 from orders-4 from orders-5',
    ],
    [
      'a source that is not there',
      `${SPEC}  tags:\n    orders-3: { replicateFrom: other-1 }\n`,
      'c.yaml:7: spec.tags["orders-3"].replicateFrom: is other-1, and there is no such instance: there is orders-1 to orders-3',
    ],
    [
      'nobody who may lead',
      `${SPEC}  instances: 1\n  tags:\n    orders-1: { noFailover: true }\n`,
      'c.yaml:7: spec.tags: no instance may lead: take noFailover or applyDelay from one of them',
    ],
    [
      'too few who vote',
      `${SPEC}  tags:\n    orders-2: { replicateFrom: orders-1 }\n    orders-3: { applyDelay: 1h }\n`,
      'c.yaml:6: spec.tags: commits wait for 1 standbys, so 2 instances must be without applyDelay and replicateFrom, and only 1 are: add instances, or lower durability.quorum',
    ],
  ])('%s', (_, text, ...messages) => {
    expect(problems(text)).toEqual(messages);
  });

  it('all at once, over all documents, in the order of the lines', () => {
    const text = `${NAMED}spec:
  instances: 12
  routes:
    rw: {port: 6000}
---
${HEAD}metadata: {name: orders}
spec:
  durability: {quorum: 3}
  postgres: {parameters: {port: 1, shared_buffers: []}}
  routes: {ro: {port: 6000, fallback: primry}}
`;
    expect(problems(text)).toEqual([
      'c.yaml:6: spec.instances: must be from 1 to 9, is 12',
      'c.yaml:12: metadata.name: is orders, as is the cluster at c.yaml:4: rename one',
      "c.yaml:14: spec.durability.quorum: must be less than spec.instances (3), is 3: the primary doesn't count",
      'c.yaml:15: spec.postgres.parameters.shared_buffers: must be text, a number, true or false, is a list',
      'c.yaml:15: spec.postgres.parameters.port: belongs to Howdah: PostgreSQL is reached through its unix socket by the Envoy beside it; spec.routes has the ports; remove it',
      'c.yaml:16: spec.routes.ro.fallback: must be one of primary, none, is the text "primry": did you mean "primary"?',
      "c.yaml:16: spec.routes.ro.port: is 6000, which orders's route rw (c.yaml:8) has: choose another, or 0",
    ]);
  });

  it('over several files', () => {
    const { problems } = parseFiles([
      { file: 'a.yaml', text: NAMED },
      { file: 'b.yaml', text: NAMED },
    ]);
    expect(problems.map(formatProblem)).toEqual([
      'b.yaml:4: metadata.name: is orders, as is the cluster at a.yaml:4: rename one',
    ]);
  });

  it('each setting that Howdah owns is refused with its reason', () => {
    for (const [name, reason] of Object.entries(OWNED_PARAMETERS)) {
      expect(problems(`${PARAMETERS}      ${name}: x\n`)).toEqual([
        `c.yaml:8: spec.postgres.parameters.${name}: belongs to Howdah: ${reason}; remove it`,
      ]);
    }
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.object().map((value) => stringify(value)),
        ),
        (text) => {
          for (const problem of parseDocuments(text, 'c.yaml').problems) expect(problem.line).toBeGreaterThan(0);
          for (const problem of parseDocuments(`${NAMED}spec: ${JSON.stringify(text)}\n`, 'c.yaml').problems) {
            expect(problem.message).not.toMatch(/undefined|\[object/);
          }
        },
      ),
    );
  });
});
