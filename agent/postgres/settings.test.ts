import { describe, expect, it } from 'vitest';
import { NOBODY } from '../plan.ts';
import {
  commandLine,
  ownedSettings,
  renderConfig,
  renderHba,
  renderOverride,
  withFloors,
  withoutOverridden,
} from './settings.ts';

describe('settings', () => {
  it('quotes what a line of postgresql.conf could trip over', () => {
    expect(renderConfig({ search_path: "it's \\ here" })).toContain("search_path = 'it''s \\\\ here'\n");
  });

  it('puts the user’s parameters over the defaults, once each', () => {
    const text = renderConfig({ shared_buffers: '1GB' });
    expect(text.match(/shared_buffers/g)).toHaveLength(1);
    expect(text).toContain("shared_buffers = '1GB'");
  });

  it('writes the settings that change', () => {
    const override = {
      primaryConninfo: 'port=1',
      primarySlotName: 'db_1',
      synchronousStandbyNames: NOBODY,
      closed: true,
    };
    expect(renderOverride(override).split('\n').slice(1)).toEqual([
      "primary_conninfo = 'port=1'",
      "primary_slot_name = 'db_1'",
      `synchronous_standby_names = '${NOBODY}'`,
      "howdah.closed = 'on'",
      '',
    ]);
  });

  it('takes those, and nothing else, out of what ALTER SYSTEM wrote', () => {
    const auto = "# Do not edit\nwork_mem = '1MB'\nSynchronous_Standby_Names = ''\nprimary_conninfo='x'\n";
    expect(withoutOverridden(auto)).toBe("# Do not edit\nwork_mem = '1MB'\n");
    expect(withoutOverridden("primary_conninfo_of_mine = 'x'\n")).toBe("primary_conninfo_of_mine = 'x'\n");
  });

  it('lets the user choose a stronger synchronous_commit, and puts what is owned on the command line', () => {
    const at = { socketDir: '/run/a', instance: 'db-1' };
    expect(ownedSettings({ ...at, parameters: {} }).synchronous_commit).toBe('on');
    const owned = ownedSettings({ ...at, parameters: { synchronous_commit: 'remote_apply', fsync: 'off' } });
    expect(owned).toMatchObject({ synchronous_commit: 'remote_apply', fsync: 'on', listen_addresses: '' });
    expect(commandLine({ fsync: 'on' })).toEqual(['-c', 'fsync=on']);
  });

  it('lets nobody in without a password where the spec says scram', () => {
    expect(renderHba('scram', false)).not.toContain('trust');
    expect(renderHba('trust', false)).toContain('local all all trust\n');
  });

  it('lets nobody but Howdah in while it is closed', () => {
    const lines = renderHba('trust', true).trim().split('\n').slice(1);
    expect(lines).toEqual([
      'local all howdah,howdah_replication trust',
      'local replication howdah,howdah_replication trust',
    ]);
  });
});

describe('withFloors', () => {
  const floors = { max_connections: 100, max_worker_processes: 8, max_locks_per_transaction: 64 };

  it('leaves alone what is enough for a standby, as written or by default', () => {
    const parameters = { max_connections: '200', work_mem: '4MB' };
    expect(withFloors(parameters, floors)).toBe(parameters);
    expect(withFloors(parameters, {})).toBe(parameters);
  });

  it('raises what is less than the primary has', () => {
    expect(withFloors({ max_connections: '50', work_mem: '4MB' }, { ...floors, max_worker_processes: 12 })).toEqual({
      max_connections: '100',
      max_worker_processes: '12',
      work_mem: '4MB',
    });
  });
});
