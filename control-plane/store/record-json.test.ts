import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildRecord, buildSpec } from '../../test/support/build-record.ts';
import { captureError } from '../../test/support/capture-error.ts';
import type { ClusterRecord, Phase } from '../model/cluster-record.ts';
import { recordFromJson, recordToJson } from './record-json.ts';

const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,8}$/);
const lsn = fc.bigInt({ min: 0n, max: 0xffffffffffffffffn });
const sync = fc.record({ voters: fc.array(name), k: fc.nat(9) });
const cause = fc.constantFrom('failover' as const, 'switchover' as const);
const phase: fc.Arbitrary<Phase> = fc.oneof(
  fc.record({ kind: fc.constant('forming' as const), primary: name }),
  fc.record({ kind: fc.constant('active' as const), primary: name, gate: fc.constant('closed' as const), sync }),
  fc.record({ kind: fc.constant('active' as const), primary: name, gate: fc.constant('open' as const) }),
  fc.record({ kind: fc.constant('draining' as const), primary: name, target: name, waitMs: fc.nat() }),
  fc.record({ kind: fc.constant('stopping' as const), primary: name, target: name }),
  fc.record({ kind: fc.constant('fencing' as const), cause, from: name, authority: name, prefer: name }),
  fc.record({ kind: fc.constant('promoting' as const), cause, from: name, candidate: name, lsn, sync }),
);
const record: fc.Arbitrary<ClusterRecord> = fc
  .record({
    epoch: fc.nat(),
    phase,
    sync,
    timeline: fc.nat(),
    timelineHistory: fc.array(fc.record({ timeline: fc.nat(), endLsn: lsn })),
    history: fc.array(fc.record({ at: fc.nat(), epoch: fc.nat(), kind: name, reason: fc.string() })),
  })
  .map((fields) => buildRecord(fields));

describe('record-json', () => {
  it('gives back every record that the model allows', () => {
    fc.assert(
      fc.property(record, (original) => {
        const text = JSON.stringify(recordToJson(original));
        expect(recordFromJson(JSON.parse(text))).toEqual(original);
      }),
    );
  });

  it('writes LSNs as PostgreSQL does', () => {
    const json = recordToJson(
      buildRecord({
        phase: {
          kind: 'promoting',
          cause: 'failover',
          from: 'orders-1',
          candidate: 'orders-2',
          lsn: 0x16_b374_d848n,
          sync: { voters: ['orders-3'], k: 1 },
        },
      }),
    );
    expect(json.phase).toMatchObject({ lsn: '16/B374D848' });
  });

  it('names the path of everything that is not as it should be', () => {
    const json = { ...recordToJson(buildRecord()), epoch: -1, foreign: true };
    const wrong = { ...json, timelineHistory: [{ timeline: 1, endLsn: 'x' }], phase: { kind: 'resting' } };
    const error = captureError(() => recordFromJson(wrong));
    expect(error.code).toBe('corrupted');
    const paths = error.problems.map(({ path }) => path).sort();
    expect(paths).toEqual(['epoch', 'phase.kind', 'record', 'timelineHistory.0.endLsn']);
  });

  it.each([null, 1, 'text', [], {}])('refuses %j', (json) => {
    expect(captureError(() => recordFromJson(json)).code).toBe('corrupted');
  });

  it('refuses to write what it could not read', () => {
    const bad = buildRecord({ spec: buildSpec({ name: 'Not A Name' }) });
    expect(captureError(() => recordToJson(bad)).code).toBe('internal');
  });
});
