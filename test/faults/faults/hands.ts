/** What people and clients do behind Howdah's back. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { HowdahError } from '../../../control-plane/model/errors.ts';
import { systemClock } from '../../../control-plane/runtime/clock.ts';
import { NotYet, until } from '../../support/until.ts';
import type { Fault } from '../fault.ts';
import { onInstance } from '../lab/instance-session.ts';
import { CLUSTER, instanceOf, MESH_PORT, NO_REST } from '../lab/lab.ts';

const CLIENT_BACKENDS = `select pid from pg_stat_activity where backend_type = 'client backend' and datname = 'postgres'
  and application_name not like 'howdah%' and pid <> pg_backend_pid()`;

export const HAND_FAULTS: readonly Fault[] = [
  {
    name: 'backend-killed',
    says: "SIGKILL to the process of a client's session on the primary: PostgreSQL ends; failover, no dirty read",
    failovers: [1, 1],
    writesOutMostMs: 3_000,
    async strike({ lab, primary, failedOver, expect }) {
      const [row] = await onInstance(lab, primary.name, async (client) => {
        return (await client.query<{ pid: number }>(`${CLIENT_BACKENDS} limit 1`)).rows;
      });
      expect(row !== undefined, 'no client had a session');
      if (row) process.kill(row.pid, 'SIGKILL');
      await failedOver();
    },
  },
  {
    name: 'cancel-while-waiting',
    says: 'commits that wait for standbys are cancelled: their clients are told a warning, which counts as in doubt',
    failovers: [0, 0],
    async strike({ lab, primary, standbys, hold, expect }) {
      for (const standby of standbys) lab.network.cut(primary.name, standby);
      await hold(1_000);
      const cancelled = await onInstance(lab, primary.name, async (client) => {
        const waiting = `${CLIENT_BACKENDS} and wait_event = 'SyncRep'`;
        return (await client.query(`select pg_cancel_backend(pid) from (${waiting}) waiting`)).rowCount;
      });
      expect((cancelled ?? 0) > 0, 'no commit waited for standbys');
      await hold(500);
    },
  },
  {
    name: 'promoted-by-hand',
    says: 'pg_promote() on a standby: it acknowledges nothing, is fenced within 2 s and becomes a standby again',
    failovers: [0, 0],
    writesOutMostMs: 2_000,
    async strike({ lab, standbys, note }) {
      const [standby] = standbys;
      const since = systemClock.now();
      await onInstance(lab, standby!, (client) => client.query('select pg_promote(false)'));
      const fenced = async () => {
        const { role, state } = instanceOf(await lab.cluster(), standby!);
        return (role === 'none' && state !== 'running') || new NotYet({ role, state });
      };
      await until(fenced, { what: 'the promoted standby to be stopped', timeoutMs: 10_000 });
      note(`stopped after ${Math.round((systemClock.now() - since) / 100) / 10} s`);
    },
  },
  {
    name: 'failover-with-accepted-loss',
    says: 'the primary and the one standby that has its last commits hang: a failover by hand is refused, and with --accept-data-loss the other standby leads; what is lost is seen',
    failovers: [1, 1],
    losesCommits: true,
    async strike({ lab, primary, standbys, before, hold, expect, note }) {
      const [near, far] = standbys;
      lab.network.cut(primary.name, far!);
      // Shorter than a standby that does not stream keeps its vote.
      await hold(1_500);
      const hanging = (action: () => Promise<void>) =>
        lab.group(primary.name).frozenWhile(() => lab.group(near!).frozenWhile(action));
      await hanging(async () => {
        await hold(3_000);
        expect((await lab.cluster()).epoch === before.epoch, 'a failover went on by itself without enough promises');
        const refusal = await lab
          .api()
          .failover(CLUSTER, {})
          .then(
            () => 'not at all',
            (error: unknown) =>
              error instanceof HowdahError ? error.problems.map(({ message }) => message).join() : error,
          );
        expect(String(refusal).includes('--accept-data-loss'), `without the flag it was refused: ${refusal}`);
        note(`refused: ${refusal}`);
        await lab.api().failover(CLUSTER, { acceptDataLoss: true });
        const leads = async () => {
          const { primary: now, phase, reason } = await lab.cluster();
          return (now === far && phase === 'active') || new NotYet(reason);
        };
        await until(leads, { what: `${far} to lead`, timeoutMs: 20_000 });
      });
    },
  },
  {
    name: 'fake-standby',
    says: "pg_receivewal under a voter's name and without the password of replication, while the voters are cut off: refused, and no commit is acknowledged",
    failovers: [0, 0],
    lab: { spec: `instances: 3, postgres: { auth: scram }, ${NO_REST}` },
    async strike({ lab, primary, standbys, probe, hold, expect, note }) {
      const directory = mkdtempSync(join(lab.path, 'fake-'));
      const { address } = lab.network.node(primary.name);
      const name = `dbname=replication application_name=${standbys[0]}`;
      const how = ['--username', 'howdah_replication', '--no-password', '--directory', directory, '--synchronous'];
      const args = ['--host', address, '--port', String(MESH_PORT), ...how, '--dbname', name];
      const fake = spawn(join(lab.postgresBin, 'pg_receivewal'), args, { stdio: ['ignore', 'ignore', 'pipe'] });
      let said = '';
      fake.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      try {
        await until(() => said.includes('\n'), { what: 'pg_receivewal to say something' });
        expect(/password/.test(said), `pg_receivewal was not refused: ${said}`);
        note(`refused: ${said.split('\n')[0]}`);
        for (const standby of standbys) lab.network.cut(primary.name, standby);
        await hold(4_000);
        const acknowledged = probe.writes.total;
        await hold(3_000);
        expect(probe.writes.total === acknowledged, 'commits were acknowledged that only pg_receivewal has');
      } finally {
        if (fake.exitCode === null && fake.kill('SIGKILL')) await once(fake, 'exit');
      }
    },
  },
];
