// An xDS server of one's own: node examples/xds-library.ts [PORT]
import { buildSnapshot, RpcServer, SERVER_OPTIONS, SnapshotCache, XdsServer } from '../xds/index.ts';

// All proxies of a zone share what they have; without `group` each node has its own, under its id.
const cache = new SnapshotCache({ group: (node) => JSON.stringify(node.locality ?? {}) });

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
const assignment = (port: number) => ({
  cluster_name: 'web',
  endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
});
const eds = { eds_config: { ads: {}, resource_api_version: 'V3' } };
const web = { name: 'web', type: 'EDS', connect_timeout: '1s', eds_cluster_config: eds };
cache.set('{}', buildSnapshot({ clusters: [web], endpoints: [assignment(8080)] }));

const clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms: number, action: () => void) {
    const timer = setTimeout(action, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};
const server = new RpcServer({ ...SERVER_OPTIONS, clock });
new XdsServer({ cache, clock }).register(server);
const port = await server.listen({ host: '127.0.0.1', port: Number(process.argv[2] ?? 0) });
console.log(`listening on 127.0.0.1:${port}`);
// One resource, with a version of one's own: only the proxies that asked for it are sent it.
cache.update('{}', 'endpoints', { set: [{ resource: assignment(8081), version: 'web-2' }] });
