import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../proto/json.ts';
import { edsCluster, endpoints, tcpListener } from '../test/support/xds-resources.ts';
import { envoyProblems } from './envoy-checks.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE, SECRET_TYPE } from './type-urls.ts';

const paths = (typeUrl: string, resource: JsonObject) => envoyProblems(typeUrl, resource).map(({ path }) => path);
const at = (address: JsonObject) => ({ cluster_name: 'a', endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] });
const socket = (address: string, more: JsonObject = {}) => at({ socket_address: { address, port_value: 1, ...more } });
const IP = '$.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address';

describe('endpoints', () => {
  it('are at IP addresses, unless something resolves names', () => {
    expect(paths(ENDPOINT_TYPE, endpoints('a', 1, 2))).toEqual([]);
    for (const good of ['::1', 'fe80::1%eth0']) expect(paths(ENDPOINT_TYPE, socket(good))).toEqual([]);
    for (const bad of ['db.example', '*', '10.0.0.0/8', '']) expect(paths(ENDPOINT_TYPE, socket(bad))).toEqual([IP]);
    expect(envoyProblems(ENDPOINT_TYPE, socket('db'))[0]?.message).toBe('must be an IP address, not "db"');
    expect(paths(ENDPOINT_TYPE, socket('db', { resolver_name: 'x' }))).toEqual([]);
    expect(paths(ENDPOINT_TYPE, at({ pipe: { path: '/x' } }))).toEqual([]);
    const cluster = (type: string) => ({ name: 'a', type, load_assignment: socket('db') });
    expect(paths(CLUSTER_TYPE, cluster('STATIC'))).toEqual([IP.replace('$', '$.load_assignment')]);
    expect(paths(CLUSTER_TYPE, { name: 'a', load_assignment: socket('db') })).toHaveLength(1);
    expect(paths(CLUSTER_TYPE, cluster('STRICT_DNS'))).toEqual([]);
    expect(paths(CLUSTER_TYPE, { name: 'a', cluster_type: { name: 'x' }, load_assignment: socket('db') })).toEqual([]);
  });

  it('have an address', () => {
    for (const endpoint of [{}, { endpoint: {} }, { endpoint: { address: {} } }]) {
      const assignment = { cluster_name: 'a', endpoints: [{ lb_endpoints: [endpoint] }] };
      expect(paths(ENDPOINT_TYPE, assignment)).toEqual(['$.endpoints[0].lb_endpoints[0].endpoint.address']);
    }
  });
});

describe('a Maglev table', () => {
  it('has a prime size: one of size 1 ends Envoy', () => {
    const sizes = (wanted: readonly number[]) =>
      wanted.filter((size) => paths(CLUSTER_TYPE, { name: 'a', maglev_lb_config: { table_size: size } }).length > 0);
    expect(sizes([0, 1, 2, 3, 4, 9, 101, 65_535, 65_537, 5_000_011])).toEqual([0, 1, 4, 9, 65_535]);
    expect(paths(CLUSTER_TYPE, { name: 'a', maglev_lb_config: {} })).toEqual([]);
    const policy = {
      name: 'maglev',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.load_balancing_policies.maglev.v3.Maglev',
        table_size: '1',
      },
    };
    const policies = { policies: [{ typed_extension_config: policy }] };
    expect(paths(CLUSTER_TYPE, { name: 'a', load_balancing_policy: policies })).toEqual([
      '$.load_balancing_policy.policies[0].typed_extension_config.typed_config.table_size',
    ]);
  });
});

describe('an EDS cluster', () => {
  it('says where its endpoints come from', () => {
    expect(paths(CLUSTER_TYPE, edsCluster('a'))).toEqual([]);
    for (const eds_cluster_config of [
      undefined,
      {},
      { eds_config: {} },
      { eds_config: { initial_fetch_timeout: '1s' } },
    ])
      expect(paths(CLUSTER_TYPE, { name: 'a', type: 'EDS', eds_cluster_config })).toEqual([
        '$.eds_cluster_config.eds_config',
      ]);
  });
});

describe('a listener', () => {
  it('is at an IP address and has filter chains', () => {
    const { filter_chains: chains, ...bare } = tcpListener('l', 1, 'a');
    expect(paths(LISTENER_TYPE, { ...bare, filter_chains: chains })).toEqual([]);
    expect(paths(LISTENER_TYPE, bare)).toEqual(['$.filter_chains']);
    expect(paths(LISTENER_TYPE, { ...bare, default_filter_chain: {} })).toEqual([]);
    expect(paths(LISTENER_TYPE, { name: 'l', api_listener: {} })).toEqual([]);
    const named = { socket_address: { address: 'localhost', port_value: 1 } };
    expect(paths(LISTENER_TYPE, { name: 'l', address: named, additional_addresses: [{ address: named }] })).toEqual([
      '$.address.socket_address.address',
      '$.additional_addresses[0].address.socket_address.address',
      '$.filter_chains',
    ]);
    const udp = { socket_address: { address: '::', port_value: 1, protocol: 'UDP' } };
    expect(paths(LISTENER_TYPE, { name: 'l', address: udp })).toEqual([]);
  });
});

describe('other resources, and those of wrong types', () => {
  it('are passed over', () => {
    expect(paths(SECRET_TYPE, { name: 's' })).toEqual([]);
    expect(paths(CLUSTER_TYPE, { name: 'a', load_assignment: 5 })).toEqual([]);
    expect(paths(ENDPOINT_TYPE, { endpoints: [5, { lb_endpoints: {} }] })).toEqual([]);
  });
});
