// ClusterRecord <-> JSON. One schema for both directions; a field of the model is one line here.
import { z } from 'zod';
import { clusterSpecSchema } from '../api/spec-schema.ts';
import { CHANGE_CAUSES, CHANGE_PHASES, type ClusterRecord } from '../model/cluster-record.ts';
import { HowdahError, type Problem } from '../model/errors.ts';
import { formatLsn, parseLsn } from '../model/lsn.ts';
import { operationsSchema } from './operations-json.ts';

const count = z.int().min(0);
const port = z.int().min(0).max(65535);

/** `X/Y` in JSON, a bigint in memory. */
const lsn = z.codec(z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/, 'must be an LSN of the form X/Y'), z.bigint(), {
  decode: parseLsn,
  encode: formatLsn,
});

const sync = z.strictObject({ voters: z.array(z.string()).readonly(), k: count });
const cause = z.enum(['failover', 'switchover']);
const timelineSwitch = z.strictObject({ timeline: count, endLsn: lsn });

const placement = z.strictObject({
  host: z.string(),
  zone: z.string(),
  ports: z.strictObject({ rw: port, ro: port, any: port, mesh: port, meshRw: port, replication: port, health: port }),
  socketDir: z.string(),
});

const catchUp = z.strictObject({ candidate: z.string(), from: z.string(), lsn });

const active = { kind: z.literal('active'), primary: z.string() };
const phase = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('forming'), primary: z.string() }),
  z.discriminatedUnion('gate', [
    z.strictObject({ ...active, gate: z.literal('closed'), sync }),
    z.strictObject({ ...active, gate: z.literal('open') }),
  ]),
  z.strictObject({ kind: z.literal('draining'), primary: z.string(), target: z.string(), waitMs: z.number().min(0) }),
  z.strictObject({ kind: z.literal('stopping'), primary: z.string(), target: z.string() }),
  z.strictObject({
    kind: z.literal('fencing'),
    cause,
    from: z.string(),
    authority: z.string(),
    prefer: z.string(),
    catchUp: catchUp.exactOptional(),
  }),
  z.strictObject({ kind: z.literal('promoting'), cause, from: z.string(), candidate: z.string(), lsn, sync }),
]);

const change = z.strictObject({
  cause: z.enum(CHANGE_CAUSES),
  from: z.string(),
  to: z.string(),
  phases: z.array(z.strictObject({ name: z.enum(CHANGE_PHASES), tookMs: z.number() })).readonly(),
});
const historyEntry = z.strictObject({
  at: z.number(),
  epoch: count,
  kind: z.string(),
  reason: z.string(),
  change: change.optional(),
});

// Unknown fields are refused and not dropped: the record may be of a newer Howdah, and writing it back would lose them.
const recordSchema = z.strictObject({
  spec: clusterSpecSchema,
  systemId: z.string().regex(/^\d*$/, 'must be decimal'),
  epoch: count,
  phase,
  sync,
  leaving: z.array(z.string()).readonly().default([]),
  timeline: count,
  timelineHistory: z.array(timelineSwitch).readonly(),
  placements: z.record(z.string(), placement),
  operations: operationsSchema,
  history: z.array(historyEntry).readonly(),
}) satisfies z.ZodType<ClusterRecord>;

export type ClusterRecordJson = z.input<typeof recordSchema>;

/** @throws HowdahError `internal` for a record that the model doesn't allow: it must not reach the disk. */
export function recordToJson(record: ClusterRecord): ClusterRecordJson {
  const encoded = z.safeEncode(recordSchema, record);
  if (encoded.success) return encoded.data;
  const problems = problemsOf(encoded.error);
  throw new HowdahError('internal', `the record of ${record.spec.name} can't be stored: ${summary(problems)}`, {
    problems,
  });
}

/** @throws HowdahError `corrupted` with the path of everything that is not as the model says. */
export function recordFromJson(json: unknown): ClusterRecord {
  const decoded = z.safeDecode(recordSchema, json as ClusterRecordJson);
  if (decoded.success) return decoded.data;
  const problems = problemsOf(decoded.error);
  throw new HowdahError('corrupted', `not a cluster record of this version: ${summary(problems)}`, { problems });
}

function summary(problems: readonly Problem[]): string {
  return problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
}

function problemsOf(error: z.ZodError): Problem[] {
  return error.issues.map(({ path, message }) => ({ path: path.map(String).join('.') || 'record', message }));
}
