import { describe, expect, it } from 'vitest';
import type { ClusterStatus } from '../../control-plane/api/contract.ts';
import { colorsFor } from '../output/colors.ts';
import { bucketCount, panel } from './panel.ts';

const plain = colorsFor({}, {});

function instance(name: string, role: 'primary' | 'standby' | 'none'): ClusterStatus['instances'][number] {
  return {
    ...{ name, role, state: role === 'none' ? 'crashed' : 'running', connected: true, timeline: 2, lsn: '0/5000060' },
    leaving: false,
    pendingRestart: [],
    ...{ lagBytes: role === 'standby' ? 512 : null, pids: { agent: 1, postgres: 2, envoy: 3 }, socket: '', goal: null },
    fenced: false,
  };
}

const cluster: ClusterStatus = {
  ...{ name: 'demo', epoch: 2, phase: 'active', gate: 'open', primary: 'demo-2', reason: 'demo-2 leads epoch 2' },
  size: 3,
  ...{ durability: 'strict', sync: { voters: ['demo-3'], k: 1, promiseQuorum: 1 }, conditions: [] },
  endpoints: { rw: 'h:1', ro: 'h:2', any: 'h:3' },
  operations: { paused: false, fenced: [], restarts: [], reinits: [], rolling: null },
  instances: [instance('demo-1', 'none'), instance('demo-2', 'primary'), instance('demo-3', 'standby')],
};

describe('panel', () => {
  it('shows instances with their roles, and the load', () => {
    const flow = { perSecond: 400.4, total: 12_345, buckets: [{ count: 1, slowestMs: 1 }] };
    const lines = panel({ cluster, load: { writes: flow, reads: flow }, width: 100 }, plain);
    expect(lines.slice(1)).toEqual([
      ' demo-1  ○ -        crashed  timeline 2, WAL 0/5000060',
      ' demo-2  ● primary  running  timeline 2, WAL 0/5000060',
      ' demo-3  ○ standby  running  timeline 2, WAL 0/5000060  512 B behind',
      'epoch 2: demo-2 leads epoch 2',
      ' writes   400/s       12,345   ▁',
      ' reads    400/s       12,345   ▁',
      expect.stringContaining('each column 100 ms'),
    ]);
  });

  it('tells a start from a silence', () => {
    const flow = { perSecond: 0, total: 0, buckets: [] };
    expect(panel({ cluster: undefined, load: null, width: 80 }, plain)[1]).toBe('starting');
    expect(panel({ cluster: undefined, load: { writes: flow, reads: flow }, width: 80 }, plain)[1]).toBe(
      'the control plane does not answer',
    );
  });

  it.each([20, 32, 80, 400])('can be made for %d columns', (width) => {
    expect(bucketCount(width)).toBeLessThan(width);
    expect(panel({ cluster, load: null, width }, plain)[0]!.length).toBeLessThan(width);
  });
});
