/** Settings and what is told of them, between the model and the wire. */
import type { JsonObject } from '../../proto/json.ts';
import type { SettingsReport } from '../model/settings.ts';
import type { WireFields } from './wire-fields.ts';

export function parametersToWire(parameters: Readonly<Record<string, string>>): JsonObject[] {
  return Object.entries(parameters).map(([name, value]) => ({ name, value }));
}

export function parametersFromWire(fields: WireFields): Record<string, string> {
  return Object.fromEntries(fields.messages('parameters').map((one) => [one.text('name'), one.text('value')]));
}

export function settingsReportToWire({ version, pendingRestart, checked }: SettingsReport): JsonObject {
  const pending = pendingRestart.map((one) => ({ ...one }));
  const check = checked && { id: checked.id, problems: checked.problems.map((problem) => ({ ...problem })) };
  return { version, pending_restart: pending, ...(check ? { checked: check } : {}) };
}

export function settingsReportFromWire(fields: WireFields): SettingsReport {
  const checked = fields.optional('checked');
  return {
    version: fields.text('version'),
    pendingRestart: fields.messages('pending_restart').map((one) => ({
      name: one.text('name'),
      running: one.text('running'),
      wanted: one.text('wanted'),
    })),
    checked: checked
      ? {
          id: checked.count('id'),
          problems: checked
            .messages('problems')
            .map((problem) => ({ name: problem.text('name'), message: problem.text('message') })),
        }
      : null,
  };
}
