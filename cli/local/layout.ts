/** The names of everything in the state directory of one `howdah up`. */
import { join } from 'node:path';

export class StateLayout {
  readonly directory: string;

  /** @param directory absolute */
  constructor(directory: string) {
    this.directory = directory;
  }

  get controlPlaneFile(): string {
    return join(this.directory, 'control-plane.json');
  }

  /** Of the one with this name among several. */
  controlPlaneFileOf(name: string): string {
    return join(this.directory, `${name}.json`);
  }

  get etcdDirectory(): string {
    return join(this.directory, 'etcd');
  }

  get placementsFile(): string {
    return join(this.directory, 'placements.json');
  }

  /** Pids of the children, for the next run to wait for when this one was killed. */
  get childrenFile(): string {
    return join(this.directory, 'children.json');
  }

  get logDirectory(): string {
    return join(this.directory, 'log');
  }

  get gatewayDirectory(): string {
    return join(this.directory, 'gateway');
  }

  get gatewayConfig(): string {
    return join(this.gatewayDirectory, 'gateway.json');
  }

  clusterDirectory(cluster: string): string {
    return join(this.directory, 'clusters', cluster);
  }

  /** Passwords of the cluster's roles, JSON, for agents. */
  passwordFile(cluster: string): string {
    return join(this.clusterDirectory(cluster), 'passwords.json');
  }

  /** The password of role postgres as libpq reads it (PGPASSFILE). */
  passFile(cluster: string): string {
    return join(this.clusterDirectory(cluster), 'pgpass');
  }

  instanceDirectory(cluster: string, instance: string): string {
    return join(this.clusterDirectory(cluster), instance);
  }

  agentConfig(cluster: string, instance: string): string {
    return join(this.instanceDirectory(cluster, instance), 'agent.json');
  }
}
