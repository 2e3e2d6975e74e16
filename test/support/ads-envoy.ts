/** A control plane's xDS server and a real Envoy that is fed by it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { systemClock } from '../../control-plane/runtime/clock.ts';
import { bootstrap } from '../../envoy-config/bootstrap.ts';
import {
  ClientStatusServer,
  RpcServer,
  SERVER_OPTIONS,
  SnapshotCache,
  type Variant,
  type XdsHooks,
  XdsServer,
  type XdsServerOptions,
} from '../../xds/index.ts';
import { tempDir } from './temp-dir.ts';

export interface XdsFixture extends AsyncDisposable {
  readonly cache: SnapshotCache;
  readonly xds: XdsServer;
  readonly port: number;
}

/** @param port 0 = a free one */
export async function startXds(
  hooks: XdsHooks = {},
  port = 0,
  cache = new SnapshotCache(),
  options: Partial<XdsServerOptions> = {},
): Promise<XdsFixture> {
  const server = new RpcServer({ ...SERVER_OPTIONS, clock: systemClock });
  const xds = new XdsServer({ cache, clock: systemClock, hooks, ...options });
  const clients = new ClientStatusServer({ source: xds, now: systemClock.now });
  xds.register(server);
  clients.register(server);
  const bound = await server.listen({ host: '127.0.0.1', port });
  return {
    cache,
    xds,
    port: bound,
    async [Symbol.asyncDispose]() {
      xds.close();
      clients.close();
      await server.close();
    },
  };
}

export interface AdsEnvoy extends AsyncDisposable {
  log(): string;
}

/** Answers at once: Envoy is ready only when it was given listeners. */
export function startAdsEnvoy(
  envoyPath: string,
  node: string,
  controlPlanePort: number,
  variant: Variant = 'sotw',
): AdsEnvoy {
  const directory = tempDir();
  const options = { node, cluster: 'test', zone: '', metadata: {}, adminSocketPath: `${directory.path}/admin.sock` };
  const content = bootstrap({ ...options, controlPlanes: [{ host: '127.0.0.1', port: controlPlanePort }] });
  const text = JSON.stringify(content);
  const chosen = variant === 'delta' ? text.replace('"api_type":"GRPC"', '"api_type":"DELTA_GRPC"') : text;
  writeFileSync(`${directory.path}/bootstrap.json`, chosen);
  const child = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', envoyPath, '-c', `${directory.path}/bootstrap.json`, '--log-level', 'info'],
      ...['--concurrency', '1', '--disable-hot-restart', '--drain-time-s', '0', '--drain-strategy', 'immediate'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  return {
    log: () => log,
    async [Symbol.asyncDispose]() {
      await end(child);
      directory.remove();
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
