import { describe, expect, it } from 'vitest';
import type { ProxyConfig, ProxyResource } from '../../control-plane/api/contract.ts';
import { colorsFor } from './colors.ts';
import { proxyConfigTables } from './proxy-config.ts';

const plain = colorsFor({}, {});

function one(shortName: string, config: ProxyResource['config'], change: Partial<ProxyResource> = {}): ProxyConfig {
  const resource = { name: 'rw', state: 'SYNCED' as const, version: 'v1', config, refused: null, ...change };
  return { id: 'gateway/local', types: [{ type: 'x', shortName, resources: [resource] }] };
}

const table = (config: ProxyConfig) => proxyConfigTables(config, plain);
const socket = (address: string, port: number) => ({ socket_address: { address, port_value: port } });

describe('proxy-config', () => {
  it('listeners', () => {
    const filter = { name: 'envoy.filters.network.tcp_proxy', typed_config: { cluster: 'e1.rw.orders' } };
    const config = { address: socket('127.0.0.1', 6432), filter_chains: [{ filters: [filter] }] };
    expect(table(one('LDS', config))).toBe(
      `LISTENER  ADDRESS    PORT  LEADS TO      STATE   VERSION
rw        127.0.0.1  6432  e1.rw.orders  SYNCED  v1`,
    );
  });

  it('clusters', () => {
    const check = { interval: '0.5s', http_health_check: { path: '/ready' } };
    expect(table(one('CDS', { type: 'EDS', lb_policy: 'LEAST_REQUEST', health_checks: [check] }))).toBe(
      `CLUSTER  TYPE  LB             HEALTH CHECK            STATE   VERSION
rw       EDS   LEAST_REQUEST  http /ready every 0.5s  SYNCED  v1`,
    );
  });

  it('endpoints, one line each', () => {
    const endpoint = (hostname: string, port: number, more = {}) => ({
      endpoint: { hostname, address: socket('127.0.0.1', port) },
      ...more,
    });
    const endpoints = [
      { lb_endpoints: [endpoint('orders-1', 1, { load_balancing_weight: 128, health_status: 'DRAINING' })] },
      { priority: 1, lb_endpoints: [endpoint('orders-2', 2)] },
    ];
    expect(table(one('EDS', { endpoints }))).toBe(
      `CLUSTER  ADDRESS      INSTANCE  WEIGHT  PRIORITY  HEALTH      STATE   VERSION
rw       127.0.0.1:1  orders-1  128     0         DRAINING    SYNCED  v1
rw       127.0.0.1:2  orders-2  1       1         as checked  SYNCED  v1`,
    );
    expect(table(one('EDS', {}))).toContain('rw       -        -         -');
  });

  it('routes, secrets, and what has no columns of its own', () => {
    const route = { route: { weighted_clusters: { clusters: [{ name: 'a' }, { name: 'b' }] } } };
    expect(table(one('RDS', { virtual_hosts: [{ domains: ['*'], routes: [route] }] }))).toContain(
      'rw      *        a, b',
    );
    expect(table(one('SDS', { tls_certificate: {} }))).toContain('rw      tls_certificate  SYNCED');
    expect(table(one('RTDS', {}))).toContain('RESOURCE  STATE   VERSION');
  });

  it('what was refused, what does not exist, and nothing', () => {
    const refused = { version: 'v2', error: 'port taken', config: {} };
    expect(table(one('LDS', null, { state: 'NACK', version: '', refused }))).toBe(
      `LISTENER  ADDRESS  PORT  LEADS TO  STATE  VERSION
rw        -        -     -         NACK   -
! rw: version v2 was refused: port taken`,
    );
    expect(table({ id: 'gateway/local', types: [] })).toBe('gateway/local has nothing of this');
  });
});
