/** Clusters under a real `howdah up`, for tests and benchmarks: a directory, the process, and what to wait for. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { Endpoint } from '../../cli/demo/workload.ts';
import type { ClusterStatus, InstanceStatus } from '../../control-plane/api/contract.ts';
import { laterEpoch, wholeCluster } from './cluster-wait.ts';
import { HowdahUp } from './howdah-up.ts';
import { expectNoProcessOf } from './processes.ts';
import { type TempDir, tempDir } from './temp-dir.ts';
import { until } from './until.ts';

export class LiveClusters {
  readonly up: HowdahUp;
  readonly #directory: TempDir;

  /**
   * @param clusters name to the YAML of `spec` in flow style, for example `{ instances: 3 }`
   * @param flags of `howdah up`
   */
  constructor(
    clusters: Readonly<Record<string, string>>,
    logLevel: 'error' | 'info' | 'debug' = 'error',
    ...flags: readonly string[]
  ) {
    this.#directory = tempDir();
    // Open to the account that PostgreSQL runs as under root, as a mkdtemp directory is not.
    chmodSync(this.#directory.path, 0o755);
    const file = join(this.#directory.path, 'clusters.yaml');
    const documents = Object.entries(clusters).map(
      ([name, spec]) =>
        `apiVersion: howdah.dev/v1alpha1\nkind: PostgresCluster\nmetadata: { name: ${name} }\nspec: ${spec}\n`,
    );
    writeFileSync(file, documents.join('---\n'));
    this.up = new HowdahUp(join(this.#directory.path, 'state'), [file], '--log-level', logLevel, ...flags);
  }

  /** Ends all and looks that nothing is left. */
  async end(): Promise<void> {
    await this.up.end('SIGTERM');
    await expectNoProcessOf(this.#directory.path);
    this.#directory.remove();
  }

  async whole(name: string, timeoutMs?: number): Promise<ClusterStatus> {
    return served(await wholeCluster(() => this.up.cluster(name), timeoutMs));
  }

  async laterEpoch(name: string, epoch: number, timeoutMs?: number): Promise<ClusterStatus> {
    return served(await laterEpoch(() => this.up.cluster(name), epoch, timeoutMs));
  }
}

/** The control plane decides; Envoy hears of it a little later. Waits until PostgreSQL answers behind `rw`. */
async function served(cluster: ClusterStatus): Promise<ClusterStatus> {
  await until(
    async () => {
      try {
        await (await connect(cluster.endpoints.rw)).end();
      } catch (error) {
        // A wrong password is an answer too.
        if (!(error instanceof pg.DatabaseError && error.code === '28P01')) throw error;
      }
      return true;
    },
    { what: `${cluster.endpoints.rw} to serve`, timeoutMs: 10_000 },
  );
  return cluster;
}

export function primaryOf(cluster: ClusterStatus): InstanceStatus {
  const found = cluster.instances.find(({ name }) => name === cluster.primary);
  if (!found) throw new Error(`cluster ${cluster.name} has no primary: ${cluster.reason}`);
  return found;
}

export function endpointOf(text: string): Endpoint {
  const [host, port] = text.split(':');
  return { host: host!, port: Number(port) };
}

/** A session of role postgres; the caller ends it. */
export async function connect(endpoint: string): Promise<pg.Client> {
  const client = new pg.Client({ ...endpointOf(endpoint), user: 'postgres', database: 'postgres' });
  // A session that breaks between two queries is what some tests wait for.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
