import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../proto/json.ts';
import { buildSnapshot } from '../../../xds/index.ts';
import { acceptedResources } from './config-dump.ts';

const type = (name: string) => ({ '@type': `type.googleapis.com/envoy.${name}` });
const section = (name: string, content: JsonObject) => ({ ...type(`admin.v3.${name}`), ...content });
const listener = (name: string, port: number) => ({
  name,
  address: { socket_address: { address: '127.0.0.1', port_value: port } },
  filter_chains: [
    {
      filters: [
        {
          name: 'tcp',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
            stat_prefix: name,
            cluster: 'e1.rw.orders',
          },
        },
      ],
    },
  ],
});
const cluster = {
  name: 'e1.rw.orders',
  type: 'EDS',
  eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' } },
};
const endpoint = (port: number) => ({
  endpoint: {
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    health_check_config: { port_value: 9 },
    hostname: 'orders-1',
  },
  load_balancing_weight: 128,
});

/** In the form in which Envoy 1.40 tells it. */
const DUMP = {
  configs: [
    section('BootstrapConfigDump', { bootstrap: { static_resources: { clusters: [{ name: 'control-plane' }] } } }),
    section('ClustersConfigDump', {
      version_info: 'c',
      static_clusters: [{ cluster: { ...type('config.cluster.v3.Cluster'), name: 'control-plane' } }],
      dynamic_active_clusters: [{ version_info: 'c', cluster: { ...type('config.cluster.v3.Cluster'), ...cluster } }],
      dynamic_warming_clusters: [{ cluster: { ...type('config.cluster.v3.Cluster'), ...cluster, name: 'warming' } }],
    }),
    section('EndpointsConfigDump', {
      static_endpoint_configs: [{ endpoint_config: { cluster_name: 'control-plane' } }],
      dynamic_endpoint_configs: [
        {
          endpoint_config: {
            ...type('config.endpoint.v3.ClusterLoadAssignment'),
            cluster_name: 'e1.rw.orders',
            endpoints: [
              {
                locality: {},
                load_balancing_weight: 0,
                lb_endpoints: [
                  { ...endpoint(1), health_status: 'UNHEALTHY', metadata: {} },
                  { ...endpoint(2), health_status: 'DRAINING' },
                ],
              },
            ],
            policy: { overprovisioning_factor: 140 },
          },
        },
      ],
    }),
    section('ListenersConfigDump', {
      dynamic_listeners: [
        {
          name: 'rw.orders',
          active_state: { listener: { ...type('config.listener.v3.Listener'), ...listener('rw.orders', 4) } },
        },
        {
          name: 'any.orders',
          active_state: { listener: listener('any.orders', 3) },
          warming_state: { listener: listener('any.orders', 5) },
        },
        { name: 'new', error_state: { details: 'refused' } },
      ],
    }),
  ],
};

describe('acceptedResources', () => {
  const accepted = acceptedResources(DUMP);

  it('is what Envoy uses, and nothing that it was started with, refused or warms', () => {
    expect(accepted.clusters).toEqual([cluster]);
    expect(accepted.listeners).toEqual([listener('any.orders', 3), listener('rw.orders', 4)]);
  });

  it('has endpoints as they were sent, whatever their health is', () => {
    expect(accepted.endpoints).toEqual([
      {
        cluster_name: 'e1.rw.orders',
        endpoints: [{ lb_endpoints: [endpoint(1), { ...endpoint(2), health_status: 'DRAINING' }] }],
        policy: { overprovisioning_factor: 140 },
      },
    ]);
  });

  it('can be served', () => {
    expect(() => buildSnapshot({ ...accepted })).not.toThrow();
  });

  it('is nothing of what is no dump', () => {
    for (const dump of [null, {}, [], { configs: 7 }]) {
      expect(acceptedResources(dump)).toEqual({ clusters: [], endpoints: [], listeners: [] });
    }
  });
});
