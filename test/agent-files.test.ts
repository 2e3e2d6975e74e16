import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAgentConfig, readGatewayConfig } from '../agent/config.ts';
import { type AgentSurroundings, agentFile, gatewayFile, writeConfig } from '../cli/local/agent-files.ts';
import { StateLayout } from '../cli/local/layout.ts';
import { parseDocuments } from '../control-plane/api/document/index.ts';
import { type TempDir, tempDir } from './support/temp-dir.ts';

let dir: TempDir;
beforeEach(() => {
  dir = tempDir();
});
afterEach(() => dir.remove());

const surroundings: AgentSurroundings = {
  controlPlane: ['127.0.0.1:20001', '127.0.0.1:20002'],
  postgres: { binDir: '/usr/lib/postgresql/18/bin', user: null },
  envoy: { path: '/usr/bin/envoy' },
  logLevel: 'info',
  logFormat: 'json',
};
const ports = { rw: 1, ro: 2, any: 3, mesh: 4, meshRw: 5, replication: 6, health: 7 };
const placement = { host: '127.0.0.1', zone: '', ports, socketDir: '/run/orders-1' };
const instance = { name: 'orders-1', directory: '/state/orders-1', placement };

describe('what howdah up writes for its agents', () => {
  it.each(['trust', 'scram'])('is what the agent reads, with auth %s', (auth) => {
    const text = `apiVersion: howdah.dev/v1alpha1\nkind: PostgresCluster\nmetadata: { name: orders }\nspec: { postgres: { auth: ${auth}, parameters: { work_mem: 8MB } } }\n`;
    const spec = parseDocuments(text, 'orders.yaml').clusters[0]!;
    const written = agentFile(spec, instance, new StateLayout(dir.path), surroundings);
    const file = join(dir.path, 'agent.json');
    writeConfig(file, written);
    expect(readAgentConfig(file)).toEqual(written);
    expect(written.passwordFile === null).toBe(auth === 'trust');
  });

  it('is what the gateway reads', () => {
    const written = gatewayFile(dir.path, surroundings);
    const file = join(dir.path, 'gateway.json');
    writeConfig(file, written);
    expect(readGatewayConfig(file)).toEqual(written);
  });
});
