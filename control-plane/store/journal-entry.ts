// What an entry of the journal says, and what a sequence of them adds up to. Pure.
import { z } from 'zod';
import type { ClusterRecord } from '../model/cluster-record.ts';
import { HowdahError } from '../model/errors.ts';
import { recordFromJson, recordToJson } from './record-json.ts';
import type { Versioned } from './store.ts';

const revision = z.int().min(1);

const changeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('put'), revision, record: z.unknown() }),
  z.strictObject({ kind: z.literal('remove'), name: z.string() }),
]);

/** Always a list, so that the changes of several clusters reach the disk in one write or not at all. */
const entrySchema = z.strictObject({ changes: z.array(changeSchema) });

export type Change = z.output<typeof changeSchema>;
export type Entry = z.output<typeof entrySchema>;

/** @throws HowdahError `internal` for a record that the model doesn't allow. */
export function putChange(record: ClusterRecord, revision: number): Change {
  return { kind: 'put', revision, record: recordToJson(record) };
}

export function snapshotEntry(clusters: Iterable<Versioned>): Entry {
  return { changes: Array.from(clusters, ({ record, revision }) => putChange(record, revision)) };
}

/**
 * The clusters by name after all entries.
 * @throws HowdahError `corrupted` for an entry or a record that is not one.
 */
export function replay(payloads: readonly unknown[]): Map<string, Versioned> {
  const latest = new Map<string, { revision: number; json: unknown }>();
  for (const [index, payload] of payloads.entries()) {
    const entry = entrySchema.safeParse(payload);
    if (!entry.success) throw new HowdahError('corrupted', `entry ${index}: ${z.prettifyError(entry.error)}`);
    for (const change of entry.data.changes) {
      if (change.kind === 'remove') latest.delete(change.name);
      else latest.set(nameOf(change.record), { revision: change.revision, json: change.record });
    }
  }
  return new Map(
    Array.from(latest, ([name, { revision, json }]) => [name, { revision, record: recordFromJson(json) }]),
  );
}

const nameSchema = z.object({ spec: z.object({ name: z.string() }) });

function nameOf(json: unknown): string {
  const parsed = nameSchema.safeParse(json);
  return parsed.success ? parsed.data.spec.name : '';
}
