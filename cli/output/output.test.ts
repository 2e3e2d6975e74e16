import { describe, expect, it } from 'vitest';
import type { ClusterStatus, InstanceStatus } from '../../control-plane/api/contract.ts';
import { HowdahError } from '../../control-plane/model/errors.ts';
import { buildProxy, buildRefusal, buildTypeStatus } from '../../test/support/build-proxy.ts';
import { colorsFor } from './colors.ts';
import { formatError, formatProblem } from './errors.ts';
import { historyTable } from './history.ts';
import { render } from './print.ts';
import { proxyDescription, proxyTable } from './proxies.ts';
import { psqlLine } from './ready.ts';
import { clusterDescription, statusTable } from './status.ts';
import { formatTable } from './table.ts';
import { formatBytes, formatDuration, parseDuration } from './units.ts';

const plain = colorsFor({}, {});
const colored = colorsFor({ isTTY: true }, {});

function instance(over: Partial<InstanceStatus> = {}): InstanceStatus {
  return {
    name: 'orders-1',
    role: 'standby',
    state: 'running',
    connected: true,
    leaving: false,
    pendingRestart: [],
    timeline: 2,
    lsn: '0/5000148',
    lagBytes: 0,
    pids: { agent: 10, postgres: 11, envoy: 12 },
    socket: '/state/orders-1/socket',
    fenced: false,
    goal: { id: 'e3/follow', status: 'done', detail: '' },
    ...over,
  };
}

const orders: ClusterStatus = {
  name: 'orders',
  epoch: 3,
  phase: 'active',
  gate: 'open',
  primary: 'orders-2',
  reason: 'orders-2 leads epoch 3',
  size: 3,
  durability: 'strict',
  sync: { voters: ['orders-1', 'orders-3'], k: 1, promiseQuorum: 2 },
  endpoints: { rw: '127.0.0.1:6432', ro: '127.0.0.1:6433', any: '127.0.0.1:6434' },
  operations: { paused: false, fenced: [], restarts: [], reinits: [], rolling: null },
  instances: [
    instance({ lagBytes: 2_500_000 }),
    instance({ name: 'orders-2', role: 'primary' }),
    instance({ name: 'orders-3', role: 'none', state: 'absent', timeline: 0, lsn: '0/0', lagBytes: null, goal: null }),
  ],
  conditions: [
    { type: 'Writable', status: 'True', message: 'orders-2 takes writes' },
    { type: 'GoalsReached', status: 'False', message: 'orders-3 working: pg_basebackup' },
  ],
};
const controlPlane = {
  name: 'control-plane',
  leads: true,
  pid: 7,
  version: '0.1.0',
  api: 'http://127.0.0.1:1',
  xds: '127.0.0.1:2',
  startedAt: 0,
};

describe('status', () => {
  it('shows clusters, instances with the primary marked, and what is wrong', () => {
    expect(statusTable({ controlPlane, controlPlanes: [controlPlane], clusters: [orders] }, plain)).toBe(
      `control plane  pid 7, api http://127.0.0.1:1, xds 127.0.0.1:2

CLUSTER  PHASE   EPOCH  PRIMARY   INSTANCES  RW              RO              ANY
orders   active      3  orders-2  2/3        127.0.0.1:6432  127.0.0.1:6433  127.0.0.1:6434

INSTANCE  ROLE       STATE    TIMELINE        LSN      LAG  AGENT  POSTGRES  ENVOY
orders-1    standby  running         2  0/5000148  2.4 MiB     10        11     12
orders-2  * primary  running         2  0/5000148      0 B     10        11     12
orders-3    -        absent          -          -        -     10        11     12

! orders: GoalsReached: orders-3 working: pg_basebackup`,
    );
  });

  it('says when there is nothing', () => {
    expect(statusTable({ controlPlane, controlPlanes: [controlPlane], clusters: [] }, plain)).toContain('no clusters');
  });

  it('has the same columns with colours', () => {
    const strip = (text: string) => text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g'), '');
    const view = { controlPlane, controlPlanes: [controlPlane], clusters: [orders] };
    expect(statusTable(view, colored)).not.toBe(statusTable(view, plain));
    expect(strip(statusTable(view, colored))).toBe(statusTable(view, plain));
  });

  it('describes one cluster', () => {
    const text = clusterDescription(orders, plain);
    expect(text).toContain('Commits wait for:  1 of orders-1, orders-3');
    expect(text).toContain('orders-3  -          -         /state/orders-1/socket');
  });
});

describe('history and proxies', () => {
  it('says when there is nothing', () => {
    expect([historyTable([], plain), proxyTable([], plain)]).toEqual(['nothing was decided yet', 'no proxies']);
  });

  it('shows what a proxy refused in its own words', () => {
    const asked = { sent: null, acked: null };
    const clusters = buildTypeStatus({ shortName: 'CDS', state: 'STALE', sinceMs: 80 });
    const endpoints = buildTypeStatus({ shortName: 'EDS', state: 'NOT SENT', sinceMs: null, ...asked });
    const proxies = [
      buildProxy('gateway/local', clusters, endpoints, buildRefusal('duplicate address')),
      { ...buildProxy('instance/orders/orders-1'), connected: false },
      buildProxy('instance/orders/orders-2', buildTypeStatus({ shortName: 'SDS' })),
    ];
    expect(proxyTable(proxies, plain)).toBe(
      `PROXY                     CDS            EDS       LDS       SDS
gateway/local             STALE 80 ms    NOT SENT  NACK 4 s  -
instance/orders/orders-1  not connected
instance/orders/orders-2  -              -         -         SYNCED 5 s

! gateway/local LDS: refused rw.orders for 4 s, the last accepted goes on: duplicate address`,
    );
  });

  it('describes one proxy', () => {
    const proxy = buildProxy('gateway/local', buildTypeStatus({ shortName: 'CDS' }), buildRefusal('duplicate address'));
    expect(proxyDescription(proxy, plain)).toContain(
      `TYPE  STATE   SINCE  SENT  ACKNOWLEDGED  REFUSED
CDS   SYNCED  5 s    v1    v1            -
LDS   NACK    4 s    v1    v1            v2`,
    );
    expect(proxyDescription({ ...proxy, connected: false, types: [] }, plain)).toContain('Connected:  no');
  });
});

describe('forms of output', () => {
  it('JSON and YAML are the object itself', () => {
    const value = { name: 'orders', epoch: 3, primary: null };
    expect(JSON.parse(render('json', value, () => ''))).toEqual(value);
    expect(render('yaml', value, () => '')).toBe('name: orders\nepoch: 3\nprimary: null\n');
    expect(render('table', value, ({ name }) => name)).toBe('orders');
  });

  it('aligns, and leaves no blanks at the end of a line', () => {
    const columns = [{ title: 'A' }, { title: 'NUMBER', align: 'right' as const }, { title: 'LAST' }];
    expect(
      formatTable(columns, [
        ['long', '1', ''],
        ['x', '12345678', 'y'],
      ]),
    ).toBe('A       NUMBER  LAST\nlong         1\nx     12345678  y');
  });

  it('colours only a terminal, and not against NO_COLOR', () => {
    const tty = { isTTY: true };
    expect(colorsFor(tty, {}).red('x')).not.toBe('x');
    expect(colorsFor(tty, { NO_COLOR: '' }).red('x')).not.toBe('x');
    expect(
      [colorsFor({}, {}), colorsFor(tty, { NO_COLOR: '1' }), colorsFor(tty, { TERM: 'dumb' })].map((c) => c.red('x')),
    ).toEqual(['x', 'x', 'x']);
  });
});

describe('quantities', () => {
  it('bytes', () => {
    expect([0, 999, 1000, 1536, 16 * 2 ** 20, 2.5e9].map(formatBytes)).toEqual([
      '0 B',
      '999 B',
      '1.0 KiB',
      '1.5 KiB',
      '16 MiB',
      '2.3 GiB',
    ]);
  });

  it('durations', () => {
    expect([80.4, 1450, 59_999, 200_000, 7_500_000, 350_000_000].map(formatDuration)).toEqual([
      '80 ms',
      '1.4 s',
      '59.9 s',
      '3 m 20 s',
      '2 h 5 m',
      '4 d 1 h',
    ]);
    expect(['500ms', '1.5s', '2m', '1h', '5', 's', '-1s'].map(parseDuration)).toEqual([
      500,
      1500,
      120_000,
      3_600_000,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('errors', () => {
  it('are one line, then every mistake', () => {
    const problems = [{ path: '--to', message: 'is no instance', line: 3 }];
    expect(formatError(new HowdahError('invalid-argument', 'can not', { problems }), plain)).toBe(
      'howdah: can not\n  --to (line 3): is no instance\n',
    );
  });

  it('are not said twice', () => {
    const problems = [{ path: '--wait', message: 'must be less' }];
    expect(formatError(new HowdahError('invalid-argument', '--wait must be less', { problems }), plain)).toBe(
      'howdah: --wait must be less\n',
    );
  });

  it('name file and line; a mistake in the file itself has no path', () => {
    expect(formatProblem({ path: 'spec', message: 'is wrong', line: 2, file: 'a.yaml' })).toBe(
      'a.yaml:2: spec: is wrong',
    );
    expect(formatProblem({ path: 'a.yaml', message: 'is empty', line: 1, file: 'a.yaml' })).toBe('a.yaml:1: is empty');
  });
});

describe('the psql line', () => {
  it('names the file of the password, quoted for a shell', () => {
    expect(psqlLine('127.0.0.1:6432', undefined)).toBe('psql -h 127.0.0.1 -p 6432 -U postgres');
    expect(psqlLine('127.0.0.1:6432', "/it's here/pgpass")).toBe(
      "PGPASSFILE='/it'\\''s here/pgpass' psql -h 127.0.0.1 -p 6432 -U postgres",
    );
  });
});
