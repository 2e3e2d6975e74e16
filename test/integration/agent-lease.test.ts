/** A primary that hears from nobody stops by itself, and leads again only once it is told so. Real PostgreSQL. */
import { expect, it } from 'vitest';
import type { LeadGoal } from '../../control-plane/model/goal.ts';
import { NO_SYNC } from '../../control-plane/model/sync.ts';
import { findPostgres, postgresUser } from '../../control-plane/runtime/binaries/index.ts';
import { TestInstance } from '../support/postgres-instance.ts';
import { expectNoProcessOf } from '../support/processes.ts';
import { tempDir } from '../support/temp-dir.ts';

it('a primary without a lease', async () => {
  using directory = tempDir();
  const { binDir } = await findPostgres();
  const user = postgresUser()?.name ?? null;
  const goal: LeadGoal = {
    kind: 'lead',
    epoch: 1,
    sync: NO_SYNC,
    create: true,
    start: true,
    members: ['db-2'],
  };
  {
    await using instance = await TestInstance.open({ root: directory.path, name: 'db-1', binDir, user });
    instance.leaseMs = 1000;
    await instance.reach(goal);

    instance.renewing = false;
    const stopped = await instance.reported('a stopped PostgreSQL', ({ postgres }) => postgres.kind === 'stopped');
    expect(stopped.goal).toMatchObject({ status: 'working', detail: 'waiting for word from the control plane' });

    instance.renewing = true;
    await instance.reported('a primary again', ({ postgres }) => postgres.kind === 'primary');
    // A proxy that missed all this can show nobody what crash recovery brought back.
    await expect(instance.sql('select 1')).rejects.toThrow('no pg_hba.conf entry');
    await instance.reach({ ...goal, start: false });
    expect(await instance.sql('select pg_is_in_recovery() as standby')).toEqual([{ standby: false }]);
  }
  await expectNoProcessOf(directory.path);
});
