/**
 * `npm run simulate:record`: runs the script over real PostgreSQL under the production agents and keeps what they told
 * in testdata/recorded.json, which the models are held to. Needs PostgreSQL's programs; takes some seconds.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Goal } from '../../../control-plane/model/goal.ts';
import { findPostgres, postgresUser } from '../../../control-plane/runtime/binaries/index.ts';
import { TestInstance } from '../../support/postgres-instance.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';
import { NAMES, runScript, type Subject } from './script.ts';

const FILE = path.join(import.meta.dirname, 'testdata', 'recorded.json');
const { binDir } = await findPostgres();
const user = postgresUser()?.name ?? null;
const directory = tempDir();
const instances = new Map<string, TestInstance>();

const subject: Subject = {
  give: (name: string, goal: Goal) => instances.get(name)!.give(goal),
  crash: (name) => process.kill(instances.get(name)!.last.pids.postgres, 'SIGKILL'),
  restart: async (name) => {
    const instance = instances.get(name)!;
    await instance.stop();
    await instance.start();
  },
  route: (to) => {
    for (const instance of instances.values()) instance.forwarder.pointTo(instances.get(to)!.socket);
  },
  write: async (name) => {
    await instances.get(name)!.sql('create table if not exists written (n int); insert into written values (1)');
  },
  reports: (name) => instances.get(name)!.reports.map(({ report }) => report),
  until: async (what, condition) => {
    await until(condition, { what, timeoutMs: 60_000, intervalMs: 5 });
  },
};

try {
  for (const name of NAMES) {
    instances.set(name, await TestInstance.open({ root: directory.path, name, binDir, user }));
  }
  const lines = await runScript(subject);
  writeFileSync(FILE, `${JSON.stringify(lines, null, 2)}\n`);
  for (const { command, states, end } of lines) console.log(`${command}\n    ${states.join(', ')}\n    ${end}`);
} finally {
  for (const instance of instances.values()) await instance[Symbol.asyncDispose]();
  directory.remove();
}
