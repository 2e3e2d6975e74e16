/** One cluster's PostgreSQL under three agents, from initdb to a rewound former primary; the test is control plane. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import type { FollowGoal, LeadGoal } from '../../control-plane/model/goal.ts';
import type { InstanceReport } from '../../control-plane/model/instance.ts';
import { maxLsn } from '../../control-plane/model/lsn.ts';
import { NO_SYNC } from '../../control-plane/model/sync.ts';
import { findPostgres, postgresUser } from '../../control-plane/runtime/binaries/index.ts';
import { TestInstance } from '../support/postgres-instance.ts';
import { expectNoProcessOf } from '../support/processes.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

const installations = [...new Set(['/usr/lib/postgresql/15/bin', (await findPostgres()).binDir])].filter(existsSync);
const user = postgresUser()?.name ?? null;

describe.each(installations)('PostgreSQL of %s', (binDir) => {
  const directory = tempDir();
  const all: TestInstance[] = [];
  afterAll(async () => {
    for (const instance of all) await instance[Symbol.asyncDispose]();
    try {
      await expectNoProcessOf(directory.path);
    } finally {
      directory.remove();
    }
  });

  const names = ['db-1', 'db-2', 'db-3'];
  const at = (name: string): TestInstance => {
    const found = all.find((instance) => instance.name === name);
    if (!found) throw new Error(`no instance ${name}`);
    return found;
  };
  const lead = (epoch: number, voters: string[], change: Partial<LeadGoal> = {}): LeadGoal => ({
    kind: 'lead',
    epoch,
    sync: voters.length === 0 ? NO_SYNC : { voters, k: 1 },
    create: false,
    start: true,
    members: names,
    ...change,
  });
  const follow = (epoch: number, primary: InstanceReport, ready = true): FollowGoal => ({
    kind: 'follow',
    epoch,
    primary: primary.instance,
    systemId: primary.systemId,
    timeline: primary.timeline,
    history: primary.history,
    sourceReady: ready,
  });
  const route = (to: string): void => {
    for (const instance of all) instance.forwarder.pointTo(to === '' ? '' : at(to).socket);
  };
  const position = (report: InstanceReport): bigint => {
    if (report.postgres.kind !== 'standby') throw new Error(`${report.instance} is ${report.postgres.kind}`);
    return maxLsn(report.postgres.receiveLsn, report.postgres.replayLsn);
  };
  const hasCheckpoint = ({ postgres, timeline }: InstanceReport): boolean =>
    postgres.kind === 'primary' && postgres.checkpointTimeline === timeline;
  const figures: Record<string, number> = {};

  it('makes a cluster: initdb, base backups, quorum commit', async () => {
    for (const name of names) all.push(await TestInstance.open({ root: directory.path, name, binDir, user }));
    expect(at('db-1').last).toMatchObject({ goal: null, systemId: '', timeline: 0, postgres: { kind: 'absent' } });
    figures.initdb = (await at('db-1').reach(lead(1, [], { create: true }))).ms;
    route('db-1');
    const primary = at('db-1').last;
    expect(primary).toMatchObject({ promisedEpoch: 1, timeline: 1, history: [], postgres: { kind: 'primary' } });
    figures.basebackup = (await at('db-2').reach(follow(1, primary))).ms;
    await at('db-3').reach(follow(1, primary));
    await at('db-1').reach(lead(1, ['db-2', 'db-3'], { start: false }));
    await at('db-1').sql('create table t (n int); insert into t select generate_series(1, 1000)');
    await at('db-1').reported(
      'both standbys as voters',
      ({ postgres }) =>
        postgres.kind === 'primary' &&
        postgres.standbys.map(({ name, syncState }) => `${name} ${syncState}`).join() === 'db-2 quorum,db-3 quorum',
    );
    expect(at('db-2').last).toMatchObject({ timeline: 1, systemId: primary.systemId });
    const [settings] = await at('db-1').sql(`select current_setting('data_checksums') as checksums,
      current_setting('work_mem') as work_mem, current_setting('wal_log_hints') as hints,
      (select datcollate || ' ' || pg_encoding_to_char(encoding) from pg_database where datname = 'postgres') as locale`);
    expect(settings).toMatchObject({ checksums: 'on', work_mem: '2MB', hints: 'on' });
    expect(settings?.locale).toMatch(/UTF8$/);
  });

  it('raises k by way of a setting that nobody meets, and goes on', async () => {
    const both = ['db-2', 'db-3'];
    const two = await at('db-1').reach(lead(1, both, { start: false, sync: { voters: both, k: 2 } }));
    expect(two.report.postgres).toMatchObject({ sync: { voters: both, k: 2 } });
    await at('db-1').sql('create table raised ()');
    const one = await at('db-1').reach(lead(1, both, { start: false }));
    expect(one.report.postgres).toMatchObject({ sync: { voters: both, k: 1 } });
    figures.raised = two.ms;
  });

  it('keeps what it owns against ALTER SYSTEM', async () => {
    await at('db-1').sql("alter system set synchronous_standby_names = ''");
    await at('db-1').sql('alter system set fsync = off');
    await at('db-1').sql('select pg_reload_conf()');
    const owned = { names: 'ANY 1 ("db-2", "db-3")', fsync: 'on' };
    const show = "select current_setting('synchronous_standby_names') as names, current_setting('fsync') as fsync";
    await until(async () => isDeepStrictEqual((await at('db-1').sql(show))[0], owned), { what: 'the settings back' });
    await at('db-1').sql('alter system reset all');
  });

  it('fails over: the crash is told at once, the fence holds, the promotion is quick', async () => {
    const old = at('db-1').last;
    const killedAt = performance.now();
    process.kill(old.pids.postgres, 'SIGKILL');
    const crash = await at('db-1').reported('the crash', (report) => report.postgres.kind === 'stopped');
    figures.crashTold = at('db-1').reports.find(({ report }) => report.seq === crash.seq)!.at - killedAt;
    expect(crash.postgres).toMatchObject({ how: 'crashed', clean: false });
    expect(crash.goal).toMatchObject({ status: 'failed' });
    expect(crash.pids.postgres).toBe(0);

    const fences = await Promise.all(['db-2', 'db-3'].map((name) => at(name).reach({ kind: 'fence', epoch: 2 })));
    figures.fence = Math.max(...fences.map(({ ms }) => ms));
    for (const { report } of fences) {
      expect(report).toMatchObject({ promisedEpoch: 2, postgres: { kind: 'standby', streaming: false } });
    }
    const [lsn2, lsn3] = fences.map(({ report }) => position(report));
    const [candidate, other] = lsn2! >= lsn3! ? ['db-2', 'db-3'] : ['db-3', 'db-2'];
    route(candidate);
    at(other).give({ ...follow(2, at(candidate).last, false), timeline: 0, history: [] });
    const promoted = await at(candidate).reach(lead(2, [other]));
    figures.promote = promoted.ms;
    const followed = performance.now();
    const { report } = promoted;
    expect(report).toMatchObject({ timeline: 2, postgres: { kind: 'primary', sync: { voters: [other], k: 1 } } });
    expect(report.history).toHaveLength(1);
    expect(report.history[0]!.timeline).toBe(1);
    if (report.postgres.kind !== 'primary') throw new Error('no primary');
    expect(report.postgres.endOfRecoveryLsn >= report.history[0]!.endLsn).toBe(true);
    const { endOfRecoveryLsn } = report.postgres;
    await at(candidate).reported(
      'its standby past the end of recovery',
      ({ postgres }) => postgres.kind === 'primary' && postgres.standbys.some((s) => s.flushLsn >= endOfRecoveryLsn),
    );
    figures.gate = performance.now() - followed;
    const after = await at(other).reach(follow(2, report, false));
    figures.followTold = performance.now() - followed;
    expect(after.report).toMatchObject({ timeline: 2, history: report.history });
    await at(candidate).sql('insert into t values (1001)');
  });

  it('refuses a lower epoch', async () => {
    at('db-2').give({ kind: 'fence', epoch: 1 });
    await at('db-2').reported('the refusal', (report) => report.goal?.status === 'failed');
    expect(at('db-2').last).toMatchObject({ promisedEpoch: 2 });
  });

  it('rejoins the crashed primary by pg_rewind', async () => {
    const primary = await current();
    const ready = await primary.reported('its checkpoint', hasCheckpoint);
    const { report, ms } = await at('db-1').reach(follow(2, ready));
    figures.rewind = ms;
    expect(report).toMatchObject({
      timeline: 2,
      history: ready.history,
      postgres: { kind: 'standby', streaming: true },
    });
    expect(readdirSync(at('db-1').directory).filter((name) => name.startsWith('data.'))).toEqual([]);
    expect(await at('db-1').sql('select count(*)::int as n from t')).toEqual([{ n: 1001 }]);
  });

  it('switches over: a clean stop, and the old primary follows without a rewind', async () => {
    const primary = await current();
    await primary.reach(
      lead(
        2,
        names.filter((name) => name !== primary.name),
      ),
    );
    const stopped = await primary.reach({ kind: 'stop', epoch: 2 });
    expect(stopped.report.postgres).toMatchObject({ kind: 'stopped', how: 'requested', clean: true });
    const fenced = await at('db-1').reach({ kind: 'fence', epoch: 3 });
    if (stopped.report.postgres.kind !== 'stopped') throw new Error('not stopped');
    expect(position(fenced.report) > stopped.report.postgres.checkpointLsn).toBe(true);
    route('db-1');
    const promoted = await at('db-1').reach(lead(3, [primary.name]));
    expect(promoted.report).toMatchObject({ timeline: 3 });
    expect(promoted.report.history.map(({ timeline }) => timeline)).toEqual([1, 2]);
    const followed = await primary.reach(follow(3, promoted.report, false));
    expect(followed.report).toMatchObject({ timeline: 3, history: promoted.report.history });
    await at('db-1').sql('insert into t values (1002)');
  });

  it('rewinds a standby that is ahead of the fork', async () => {
    const fenced = await at('db-2').reach({ kind: 'fence', epoch: 4 });
    await at('db-1').reach(lead(3, ['db-3']));
    await at('db-3').reach(follow(3, at('db-1').last, false));
    await at('db-1').sql('create table lost (n int)');
    process.kill(at('db-1').last.pids.postgres, 'SIGKILL');
    const ahead = await at('db-3').reach({ kind: 'fence', epoch: 4 });
    expect(position(ahead.report) > position(fenced.report)).toBe(true);

    route('db-2');
    const promoted = await at('db-2').reach(lead(4, ['db-3']));
    expect(promoted.report.history.at(-1)!.endLsn < position(ahead.report)).toBe(true);
    const ready = await at('db-2').reported('its checkpoint', hasCheckpoint);
    const [followed] = await Promise.all([at('db-3').reach(follow(4, ready)), at('db-1').reach(follow(4, ready))]);
    expect(followed.report).toMatchObject({ timeline: 4, history: promoted.report.history });
    await at('db-2').sql('insert into t values (1003)');
    for (const name of ['db-1', 'db-3']) {
      await until(async () => (await at(name).sql('select count(*)::int as n from t'))[0]?.n === 1003, {
        what: `${name} to replay what the new primary wrote`,
      });
      expect(await at(name).sql("select to_regclass('lost') as lost")).toEqual([{ lost: null }]);
    }
  });

  it('never overwrites the data of another cluster', async () => {
    at('db-3').give({ ...follow(4, at('db-2').last), systemId: '42' });
    const report = await at('db-3').reported('the refusal', ({ goal }) => goal?.status === 'failed');
    expect(report.goal?.detail).toContain('belongs to another cluster');
  });

  it('waits for a goal after a restart of the agent, and keeps its promise', async () => {
    const instance = at('db-3');
    await instance.stop();
    await instance.start();
    expect(instance.last).toMatchObject({
      goal: null,
      promisedEpoch: 4,
      postgres: { kind: 'stopped', how: 'boot', clean: true },
      pids: { postgres: 0 },
    });
    const { report } = await instance.reach({ kind: 'fence', epoch: 5 });
    expect(report).toMatchObject({ timeline: 4, postgres: { kind: 'standby', streaming: false } });
  });

  it('told what it measured', () => {
    console.log(
      path.basename(path.dirname(binDir)),
      JSON.stringify(figures, (_key, ms) => (typeof ms === 'number' ? Math.round(ms) : ms)),
    );
    expect(figures.crashTold).toBeLessThan(250);
  });

  async function current(): Promise<TestInstance> {
    const found = all.find(({ last }) => last.postgres.kind === 'primary');
    if (!found) throw new Error('no primary');
    return found;
  }
});
