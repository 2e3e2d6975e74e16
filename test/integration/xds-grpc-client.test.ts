/** Another implementation of the protocol than Envoy's: the client of grpc-js resolves names through our server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { describe, expect, it, onTestFailed } from 'vitest';
import { buildSnapshot, CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE, ROUTE_TYPE } from '../../xds/index.ts';
import { startXds } from '../support/ads-envoy.ts';
import { until } from '../support/until.ts';
import { apiListener, edsCluster, httpRoutes } from '../support/xds-resources.ts';

const NODE = 'grpc/caller';
const NAME = 'echo.test';

/** A gRPC server that answers every call with its name. */
async function startEcho(name: string): Promise<AsyncDisposable & { port: number }> {
  const server = new Server();
  const raw = (bytes: Buffer) => bytes;
  const method = {
    path: '/test.Echo/WhoAnswers',
    requestStream: false,
    responseStream: false,
    requestSerialize: raw,
    requestDeserialize: raw,
    responseSerialize: raw,
    responseDeserialize: raw,
  };
  const answer = (_: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => reply(null, Buffer.from(name));
  server.addService({ whoAnswers: method }, { whoAnswers: answer });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
    },
  };
}

interface Caller extends AsyncDisposable {
  /** Name of the server that answered, or the error. */
  call(): Promise<string>;
}

function startCaller(controlPlanePort: number): Caller {
  const bootstrap = {
    xds_servers: [
      {
        server_uri: `127.0.0.1:${controlPlanePort}`,
        channel_creds: [{ type: 'insecure' }],
        server_features: ['xds_v3'],
      },
    ],
    node: { id: NODE, locality: {} },
  };
  const program = `${import.meta.dirname}/../fixtures/xds-grpc-caller.ts`;
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, '--no-warnings', program, NAME], {
    env: { ...process.env, GRPC_XDS_BOOTSTRAP_CONFIG: JSON.stringify(bootstrap) },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  onTestFailed(() => console.error(log));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = once(child, 'exit');
  return {
    async call() {
      child.stdin.write('\n');
      return String((await lines.next()).value);
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function resources(...ports: number[]) {
  return buildSnapshot({
    listeners: [apiListener(NAME, 'echo-routes')],
    routes: [httpRoutes('echo-routes', 'echo')],
    clusters: [edsCluster('echo')],
    endpoints: [{ cluster_name: 'echo', endpoints: [localityOf(ports)] }],
  });
}

/** grpc wants a locality with a weight. */
function localityOf(ports: readonly number[]) {
  return {
    locality: { region: 'here' },
    load_balancing_weight: 1,
    lb_endpoints: ports.map((port) => ({
      health_status: 'HEALTHY',
      endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } },
    })),
  };
}

describe('the xDS client of grpc-js', () => {
  it('finds a service by name, and follows its endpoints', async () => {
    await using one = await startEcho('one');
    await using two = await startEcho('two');
    const nacks: string[] = [];
    await using control = await startXds({ onNack: (_node, { rejection }) => nacks.push(rejection.error) });
    control.cache.set(NODE, resources(one.port));
    await using caller = startCaller(control.port);
    expect(await caller.call()).toBe('one');
    const status = () => control.xds.proxies().find(({ node }) => node === NODE);
    await until(
      () =>
        [CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE, ROUTE_TYPE].every(
          (type) => status()?.types.find((each) => each.type === type)?.acked,
        ),
      { what: 'everything to be accepted' },
    );
    // Calls made meanwhile are answered all the same.
    control.cache.set(NODE, resources(two.port));
    await until(
      async () => {
        const answer = await caller.call();
        expect(['one', 'two']).toContain(answer);
        return answer === 'two';
      },
      { what: 'calls to reach the other server' },
    );
    control.cache.set(NODE, resources(one.port, two.port));
    const seen = new Set<string>();
    await until(
      async () => {
        seen.add(await caller.call());
        return seen.size === 2;
      },
      { what: 'calls to reach both servers' },
    );
    expect([...seen].sort()).toEqual(['one', 'two']);
    expect(nacks).toEqual([]);
  });
});
