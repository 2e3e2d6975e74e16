/**
 * A real Envoy that is fed with translate()'s resources through files, so that what it does with them is seen without a
 * control plane. Envoy reads a file again when another is moved onto it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { bootstrap } from '../../envoy-config/bootstrap.ts';
import type { ProxyIr } from '../../envoy-config/ir.ts';
import { type ProxyResources, translate } from '../../envoy-config/translate.ts';
import type { JsonObject } from '../../proto/json.ts';
import { tempDir } from './temp-dir.ts';
import { until } from './until.ts';

const TYPES = {
  clusters: 'envoy.config.cluster.v3.Cluster',
  endpoints: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  listeners: 'envoy.config.listener.v3.Listener',
} as const;

export interface EnvoyProxy extends AsyncDisposable {
  readonly pid: number;
  /** Answers when the files are in place; Envoy takes them up a moment later. */
  apply(ir: ProxyIr): void;
  /** GET of the admin interface. */
  admin(path: string): Promise<string>;
  /** What Envoy has logged so far. */
  log(): string;
}

/** Starts Envoy with the IR and answers when its listeners are open. */
export async function startEnvoy(envoyPath: string, ir: ProxyIr): Promise<EnvoyProxy> {
  const directory = tempDir();
  const files = resourceFiles(directory.path);
  files.write(translate(ir));
  const adminSocketPath = `${directory.path}/admin.sock`;
  writeFileSync(`${directory.path}/bootstrap.json`, JSON.stringify(fileBootstrap(ir, adminSocketPath, files)));
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
  const proxy: EnvoyProxy = {
    pid: child.pid!,
    apply: (next) => files.write(translate(next)),
    admin: (path) => get(adminSocketPath, path),
    log: () => log,
    async [Symbol.asyncDispose]() {
      await end(child);
      directory.remove();
    },
  };
  try {
    await until(
      async () => {
        if (child.exitCode !== null) throw new Error(`Envoy ended: ${log}`);
        return (await proxy.admin('/ready')).startsWith('LIVE');
      },
      { what: 'Envoy to be ready', timeoutMs: 20_000 },
    );
    return proxy;
  } catch (error) {
    await proxy[Symbol.asyncDispose]();
    throw error;
  }
}

interface ResourceFiles {
  /** Where Envoy reads this kind from. */
  source(kind: 'clusters' | 'listeners'): JsonObject;
  write(resources: ProxyResources): void;
}

/** Endpoints are read from a file for each EnvoyCluster, so they are in place before the cluster that names them. */
function resourceFiles(directory: string): ResourceFiles {
  const at = (path: string): JsonObject => ({ path_config_source: { path }, resource_api_version: 'V3' });
  const file = (kind: string) => `${directory}/${kind}.json`;
  const endpointsFile = (cluster: string) => `${directory}/endpoints/${cluster}.json`;
  mkdirSync(`${directory}/endpoints`);
  const fromFiles = (cluster: JsonObject): JsonObject =>
    cluster.type === 'EDS'
      ? { ...cluster, eds_cluster_config: { eds_config: at(endpointsFile(String(cluster.name))) } }
      : cluster;
  return {
    source: (kind) => at(file(kind)),
    write({ clusters, endpoints, listeners }) {
      for (const assignment of endpoints) {
        replace(endpointsFile(String(assignment.cluster_name)), discovery('endpoints', [assignment]));
      }
      replace(file('clusters'), discovery('clusters', clusters.map(fromFiles)));
      replace(file('listeners'), discovery('listeners', listeners));
    },
  };
}

function discovery(kind: keyof typeof TYPES, resources: readonly JsonObject[]): JsonObject {
  const type = `type.googleapis.com/${TYPES[kind]}`;
  return { resources: resources.map((resource) => ({ '@type': type, ...resource })) };
}

function replace(path: string, content: JsonObject): void {
  writeFileSync(`${path}.new`, JSON.stringify(content));
  renameSync(`${path}.new`, path);
}

function fileBootstrap(ir: ProxyIr, adminSocketPath: string, files: ResourceFiles): JsonObject {
  const options = { node: ir.node, cluster: 'test', zone: ir.zone, metadata: {}, adminSocketPath };
  return {
    ...bootstrap({ ...options, controlPlane: { host: '127.0.0.1', port: 1 } }),
    dynamic_resources: { cds_config: files.source('clusters'), lds_config: files.source('listeners') },
  };
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
