/** A real Envoy with Howdah's bootstrap, fed over xDS with what translate() makes of an IR. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { systemClock } from '../../control-plane/runtime/clock.ts';
import { bootstrap } from '../../envoy-config/bootstrap.ts';
import type { ProxyIr } from '../../envoy-config/ir.ts';
import { translate } from '../../envoy-config/translate.ts';
import { buildSnapshot, RpcServer, SERVER_OPTIONS, SnapshotCache, XdsServer } from '../../xds/index.ts';
import { freePort } from './free-port.ts';
import { tempDir } from './temp-dir.ts';
import { until } from './until.ts';

export interface EnvoyProxy extends AsyncDisposable {
  readonly pid: number;
  /** Publishes: Envoy takes it up a moment later, or when the control plane is back. */
  apply(ir: ProxyIr): void;
  /** What Envoy said against the last resources that it refused; '' = nothing. */
  refusal(): string;
  /** Ends the control plane: its streams and its port. */
  stopControlPlane(): void;
  /** Starts another one on the same port, which knows only the last IR. */
  startControlPlane(): Promise<void>;
  /** GET of the admin interface. */
  admin(path: string): Promise<string>;
}

/** Starts Envoy with the IR and answers when its listeners are open. */
export async function startEnvoy(envoyPath: string, ir: ProxyIr): Promise<EnvoyProxy> {
  await using undo = new AsyncDisposableStack();
  const directory = undo.use(tempDir());
  const port = await freePort();
  let controlPlane = await startControlPlane(port, ir);
  undo.defer(() => controlPlane.stop());
  let last = ir;

  const adminSocketPath = `${directory.path}/admin.sock`;
  const bootstrapPath = `${directory.path}/bootstrap.json`;
  const options = { node: ir.node, cluster: 'test', zone: ir.zone, metadata: {}, adminSocketPath };
  writeFileSync(bootstrapPath, JSON.stringify(bootstrap({ ...options, controlPlanes: [{ host: '127.0.0.1', port }] })));
  const child = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', envoyPath, '-c', bootstrapPath, '--log-level', 'warning', '--concurrency', '1'],
      ...['--disable-hot-restart', '--drain-time-s', '0', '--drain-strategy', 'immediate'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  undo.defer(() => end(child));
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });

  const admin = (path: string) => get(adminSocketPath, path);
  await until(
    async () => {
      if (child.exitCode !== null) throw new Error(`Envoy ended: ${log}`);
      return (await admin('/ready')).startsWith('LIVE');
    },
    { what: 'Envoy to be ready', timeoutMs: 20_000 },
  );
  const started = undo.move();
  return {
    pid: child.pid!,
    apply(next) {
      last = next;
      controlPlane.apply(next);
    },
    refusal: () => controlPlane.refusal(),
    stopControlPlane: () => controlPlane.stop(),
    async startControlPlane() {
      controlPlane = await startControlPlane(port, last);
    },
    admin,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

interface ControlPlane {
  apply(ir: ProxyIr): void;
  refusal(): string;
  stop(): void;
}

async function startControlPlane(port: number, ir: ProxyIr): Promise<ControlPlane> {
  let refusal = '';
  const cache = new SnapshotCache();
  const xds = new XdsServer({
    cache,
    clock: systemClock,
    hooks: {
      onNack: (_node, { rejection }) => {
        refusal = rejection.error;
      },
    },
  });
  const apply = (next: ProxyIr) => cache.set(next.node, buildSnapshot(translate(next)));
  apply(ir);
  const server = new RpcServer({ ...SERVER_OPTIONS, clock: systemClock });
  xds.register(server);
  await server.listen({ host: '127.0.0.1', port });
  return { apply, refusal: () => refusal, stop: () => void server.close() };
}

function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, agent: false }, (response) => {
      response.setEncoding('utf8');
      let body = '';
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve(body));
    });
    outgoing.on('error', reject).end();
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
