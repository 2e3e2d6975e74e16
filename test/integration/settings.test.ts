/** Settings of a living cluster: what a reload brings in, what needs a restart, and what PostgreSQL refuses. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workload } from '../../cli/demo/workload.ts';
import { systemClock } from '../../control-plane/runtime/clock.ts';
import { type CommandResult, howdah } from '../support/howdah-command.ts';
import { connect, endpointOf, LiveClusters } from '../support/live-cluster.ts';

describe('settings of a living cluster of three', () => {
  let live: LiveClusters;

  beforeAll(async () => {
    live = new LiveClusters({ orders: '{ instances: 3, postgres: { parameters: { max_connections: 60 } } }' });
    await live.up.ready();
    await live.whole('orders');
  });

  afterAll(() => live.end());

  /** `howdah apply` of these parameters. */
  async function apply(parameters: string): Promise<CommandResult> {
    const file = join(live.up.stateDir, '..', 'changed.yaml');
    const head = 'apiVersion: howdah.dev/v1alpha1\nkind: PostgresCluster\nmetadata: { name: orders }\n';
    writeFileSync(file, `${head}spec: { instances: 3, postgres: { parameters: ${parameters} } }\n`);
    return howdah(live.up.stateDir, 'apply', '-f', file);
  }

  /** The setting as each instance has it. */
  async function everywhere(name: string): Promise<string[]> {
    const { instances } = await live.up.cluster('orders');
    const values: string[] = [];
    for (const { socket } of instances) {
      const client = await connect(`${socket}:5432`);
      try {
        const { rows } = await client.query('select current_setting($1) as value', [name]);
        values.push(rows[0].value);
      } finally {
        await client.end();
      }
    }
    return values;
  }

  it('are in force after a reload where that is enough, and nobody is restarted', async () => {
    const before = await live.whole('orders');
    expect(await apply('{ max_connections: 60, work_mem: 9MB }')).toMatchObject({ code: 0 });
    expect(await everywhere('work_mem')).toEqual(['9MB', '9MB', '9MB']);
    const after = await live.whole('orders');
    expect(after.epoch).toBe(before.epoch);
    expect(after.instances.map(({ pids }) => pids.postgres)).toEqual(before.instances.map(({ pids }) => pids.postgres));
    // A setting that is not written any more is PostgreSQL's own again.
    expect(await apply('{ max_connections: 60 }')).toMatchObject({ code: 0 });
    expect(await everywhere('work_mem')).toEqual(['4MB', '4MB', '4MB']);
  });

  it('are refused with the words of PostgreSQL, each of them, and nothing is changed', async () => {
    const refused = await apply('{ max_connections: 60, work_mem: lots, wal_buffer: 4MB, autovacuum: maybe }');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('PostgreSQL refuses settings of orders; nothing was changed');
    expect(refused.stderr).toContain(
      'spec.postgres.parameters.work_mem: invalid value for parameter "work_mem": "lots"',
    );
    expect(refused.stderr).toContain('spec.postgres.parameters.wal_buffer: unrecognized configuration parameter');
    expect(refused.stderr).toContain(
      'spec.postgres.parameters.autovacuum: parameter "autovacuum" requires a Boolean value',
    );
    expect(await everywhere('work_mem')).toEqual(['4MB', '4MB', '4MB']);
  });

  it.each([
    ['raised: standbys first, then one switchover', 80, 1],
    ['lowered: the primary first, in its place', 50, 0],
  ])('that need a restart, %s; no acknowledged row is lost', async (_name, connections, epochs) => {
    const before = await live.whole('orders');
    const load = new Workload({
      rw: endpointOf(before.endpoints.rw),
      ro: endpointOf(before.endpoints.ro),
      password: undefined,
      writers: 2,
      readers: 1,
      pauseMs: 10,
      clock: systemClock,
    });
    await load.start();
    try {
      const applied = await apply(`{ max_connections: ${connections} }`);
      expect(applied, applied.stderr).toMatchObject({ code: 0 });
    } finally {
      await load.stop();
    }
    expect(await load.verify()).toMatchObject({ lost: 0, duplicates: 0 });
    expect(await everywhere('max_connections')).toEqual([connections, connections, connections].map(String));
    const after = await live.whole('orders');
    expect(after.epoch).toBe(before.epoch + epochs);
    expect(after.instances.flatMap(({ pendingRestart }) => pendingRestart)).toEqual([]);
  });
});
