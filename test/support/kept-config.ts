import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NotYet, until } from './until.ts';

/**
 * Waits until the agent or gateway with this directory keeps on disk, for an Envoy without a control plane, the listener
 * `name`, or endpoints of the EnvoyCluster `name`.
 */
export function keptConfig(directory: string, name: string): Promise<true> {
  const look = () => {
    const file = readFileSync(join(directory, 'envoy/resources.json'), 'utf8');
    const { endpoints, listeners } = JSON.parse(file.split('\n')[0]!);
    const reached = endpoints.filter((found: { endpoints?: unknown[] }) => found.endpoints?.length);
    const names = [...reached.map(clusterName), ...listeners.map(ownName)];
    return names.includes(name) || new NotYet(names);
  };
  return until(look, { what: `${directory} to keep ${name}`, timeoutMs: 10_000 });
}

const clusterName = (found: { cluster_name: string }) => found.cluster_name;
const ownName = (found: { name: string }) => found.name;
