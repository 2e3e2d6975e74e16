import { describe, expect, it } from 'vitest';
import { CLUSTER_TYPE, LISTENER_TYPE, type TypeStatus } from '../../xds/index.ts';
import { proxyStates } from './proxy-states.ts';

const NOW = 10_000;

function status(change: Partial<TypeStatus> = {}): TypeStatus {
  const base = { type: CLUSTER_TYPE, requestedAt: 1000, pending: false, behind: false } as const;
  return { ...base, sent: null, acked: null, nacked: null, ...change };
}

function clusters(change: Partial<TypeStatus>) {
  const proxies = [{ node: 'gateway/local', connectedSince: 900, types: [status(change)] }];
  return proxyStates(proxies, [], NOW)[0]?.types[0];
}

const mark = (version: string, at: number) => ({ version, at });
const nacked = { version: 'v2', error: 'no', resources: ['a'], at: 4000 };

describe('proxyStates', () => {
  it.each([
    ['NOT SENT', 9000, {}],
    ['STALE', 8000, { pending: true, sent: mark('v1', 2000) }],
    ['SYNCED', 7000, { sent: mark('v1', 2000), acked: mark('v1', 3000) }],
    ['STALE', 5000, { pending: true, sent: mark('v2', 5000), acked: mark('v1', 3000) }],
    ['NACK', 6000, { sent: mark('v1', 4001), acked: mark('v1', 4002), nacked }],
    ['NACK', 6000, { pending: true, sent: mark('v1', 4001), nacked }],
  ])('%s for %i ms', (state, sinceMs, change) => {
    expect(clusters(change)).toMatchObject({ shortName: 'CDS', state, sinceMs });
  });

  it('is not confused by a clock that was set back', () => {
    expect(clusters({ requestedAt: NOW + 5000 })?.sinceMs).toBe(0);
  });

  it('tells what a proxy never asked for, and which proxies are missing', () => {
    const proxies = [{ node: 'instance/a/a-1', connectedSince: 900, types: [status({ type: LISTENER_TYPE })] }];
    const [first, second] = proxyStates(proxies, ['instance/a/a-2', 'instance/a/a-1'], NOW);
    expect(first?.types.map(({ shortName, state, sinceMs }) => [shortName, state, sinceMs])).toEqual([
      ['CDS', 'NOT SENT', null],
      ['EDS', 'NOT SENT', null],
      ['LDS', 'NOT SENT', 9000],
    ]);
    expect(second).toEqual({ id: 'instance/a/a-2', connected: false, connectedSince: null, types: [] });
  });

  it('joins the streams of one proxy; the later one tells', () => {
    const stream = (connectedSince: number, ...types: TypeStatus[]) => ({ node: 'n', connectedSince, types });
    const acked = mark('v1', 3000);
    const found = proxyStates(
      [stream(1, status()), stream(2, status({ sent: acked, acked })), stream(3, status({ type: LISTENER_TYPE }))],
      [],
      NOW,
    );
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ connectedSince: 1 });
    expect(found[0]?.types.map(({ state }) => state)).toEqual(['SYNCED', 'NOT SENT', 'NOT SENT']);
  });
});
