/** Goals and the values that goals and reports share, between the model and the wire. */
import type { JsonObject } from '../../proto/json.ts';
import type { FollowGoal, Goal } from '../model/goal.ts';
import type { TimelineSwitch } from '../model/instance.ts';
import type { SyncConfig } from '../model/sync.ts';
import type { WireFields } from './wire-fields.ts';

/** The fields of a GoalCommand but its id. */
export function goalToWire(goal: Goal): JsonObject {
  const { epoch } = goal;
  switch (goal.kind) {
    case 'fence': {
      const { catchUp, serves = [] } = goal;
      const source = catchUp ? { catch_up_from: catchUp.from, catch_up_lsn: catchUp.lsn.toString() } : {};
      return { epoch, fence: { ...source, serves } };
    }
    case 'stop':
      return { epoch, stop: {} };
    case 'retire':
      return { epoch, retire: {} };
    case 'lead':
      return {
        epoch,
        lead: { sync: syncToWire(goal.sync), create: goal.create, start: goal.start, members: goal.members },
      };
    case 'follow':
      return {
        epoch,
        follow: {
          primary: goal.primary,
          system_id: systemIdToWire(goal.systemId),
          timeline: goal.timeline,
          history: historyToWire(goal.history),
          source_ready: goal.sourceReady,
          source: goal.source ?? '',
          serves: goal.serves ?? [],
          successors: goal.successors ?? [],
        },
      };
  }
}

export function goalFromWire(command: WireFields): Goal {
  const epoch = command.count('epoch');
  const kind = command.choice(['fence', 'lead', 'follow', 'stop', 'retire']);
  const fields = command.message(kind);
  switch (kind) {
    case 'fence': {
      const from = fields.text('catch_up_from');
      const catchUp = from === '' ? {} : { catchUp: { from, lsn: fields.bits('catch_up_lsn') } };
      return { kind, epoch, ...catchUp, ...namesFromWire(fields, 'serves') };
    }
    case 'stop':
    case 'retire':
      return { kind, epoch };
    case 'lead':
      return {
        kind,
        epoch,
        sync: syncFromWire(fields.message('sync')),
        create: fields.flag('create'),
        start: fields.flag('start'),
        members: fields.texts('members'),
      };
    case 'follow':
      return {
        kind,
        epoch,
        primary: fields.text('primary'),
        systemId: systemIdFromWire(fields),
        timeline: fields.count('timeline'),
        history: historyFromWire(fields),
        sourceReady: fields.flag('source_ready'),
        ...(fields.text('source') === '' ? {} : { source: fields.text('source') }),
        ...namesFromWire(fields, 'serves'),
        ...namesFromWire(fields, 'successors'),
      };
  }
}

/** Names that a goal has or hasn't: none of them on the wire are none in the goal. */
function namesFromWire(fields: WireFields, key: 'serves' | 'successors'): Pick<FollowGoal, typeof key> {
  const names = fields.texts(key);
  return names.length === 0 ? {} : { [key]: names };
}

export function syncToWire(sync: SyncConfig): JsonObject {
  return { voters: sync.voters, k: sync.k };
}

export function syncFromWire(fields: WireFields): SyncConfig {
  return { voters: fields.texts('voters'), k: fields.count('k') };
}

export function historyToWire(history: readonly TimelineSwitch[]): JsonObject[] {
  return history.map(({ timeline, endLsn }) => ({ timeline, end_lsn: endLsn.toString() }));
}

export function historyFromWire(fields: WireFields): TimelineSwitch[] {
  return fields
    .messages('history')
    .map((entry) => ({ timeline: entry.count('timeline'), endLsn: entry.bits('end_lsn') }));
}

/** The model's '' (not known) is 0 on the wire. */
export function systemIdToWire(systemId: string): string {
  return systemId === '' ? '0' : systemId;
}

export function systemIdFromWire(fields: WireFields): string {
  const systemId = fields.bits('system_id');
  return systemId === 0n ? '' : systemId.toString();
}
