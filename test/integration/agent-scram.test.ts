/** With `auth: scram`: the agent, replication and pg_rewind's role need their passwords, and nobody gets in without. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { findPostgres, postgresUser } from '../../control-plane/runtime/binaries/index.ts';
import { TestInstance } from '../support/postgres-instance.ts';
import { tempDir } from '../support/temp-dir.ts';

it('a cluster with passwords', async () => {
  using root = tempDir();
  const passwordFile = path.join(root.path, 'passwords.json');
  const passwords = { postgres: "it's", howdah: 'a b', howdah_replication: 'x:y\\z' };
  writeFileSync(passwordFile, JSON.stringify(passwords), { mode: 0o600 });
  const setup = {
    root: root.path,
    binDir: (await findPostgres()).binDir,
    user: postgresUser()?.name ?? null,
    auth: 'scram',
    passwordFile,
  } as const;
  await using first = await TestInstance.open({ ...setup, name: 'db-1' });
  await using second = await TestInstance.open({ ...setup, name: 'db-2' });
  const members = ['db-1', 'db-2'];
  const sync = { voters: [], k: 0 };
  const goal = { kind: 'lead', epoch: 1, sync, create: true, start: true, members } as const;
  await first.reach(goal);
  await expect(first.sql('select 1', { password: passwords.postgres })).rejects.toThrow('no pg_hba.conf entry');
  const { report } = await first.reach({ ...goal, start: false });

  await expect(first.sql('select 1')).rejects.toThrow();
  await expect(first.sql('select 1', { password: 'wrong' })).rejects.toThrow('authentication failed');
  expect(await first.sql('select 1 as one', { password: passwords.postgres })).toEqual([{ one: 1 }]);

  second.forwarder.pointTo(first.socket);
  const { systemId, timeline, history } = report;
  const followed = await second.reach({
    ...{ kind: 'follow', epoch: 1, primary: 'db-1', systemId, timeline, history, sourceReady: true },
  });
  expect(followed.report.postgres).toMatchObject({ kind: 'standby', streaming: true });
  const passfile = path.join(second.directory, 'pgpass');
  expect(statSync(passfile).mode & 0o777).toBe(0o600);
  const config = readFileSync(path.join(second.directory, 'data', 'howdah.override.conf'), 'utf8');
  expect(config).not.toContain('x:y');
});
