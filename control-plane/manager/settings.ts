/** Which settings each instance is to have, and what an agent's word on new ones is waited for. */
import { createHash } from 'node:crypto';
import type { ClusterRecord } from '../model/cluster-record.ts';
import { primaryOf } from '../model/cluster-record.ts';
import { tagsOf } from '../model/cluster-spec.ts';
import type { Settings } from '../model/settings.ts';

export function settingsFor(record: ClusterRecord, instance: string): Settings {
  const { spec, sync, phase } = record;
  const { applyDelayMs } = tagsOf(spec, instance);
  // One that votes still has to replay at once: what it holds must be known.
  const isDelayed = applyDelayMs > 0 && !sync.voters.includes(instance) && primaryOf(phase) !== instance;
  const { parameters } = spec.postgres;
  if (!isDelayed) return settingsOf(parameters);
  return settingsOf({ ...parameters, recovery_min_apply_delay: `${applyDelayMs}ms` });
}

/** By parameters: those of a spec are asked for at every step of its cluster. */
const known = new WeakMap<Settings['parameters'], Settings>();

function settingsOf(parameters: Settings['parameters']): Settings {
  let settings = known.get(parameters);
  if (!settings) {
    settings = { version: versionOf(parameters), parameters };
    known.set(parameters, settings);
  }
  return settings;
}

function versionOf(parameters: Settings['parameters']): string {
  const entries = Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 16);
}
