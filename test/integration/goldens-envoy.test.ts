/**
 * Envoy itself accepts what the golden inputs become: all resources of a proxy as static ones in one bootstrap, and each
 * bootstrap as it is. Nothing is bound or connected.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { findEnvoy } from '../../control-plane/runtime/binaries/index.ts';
import { bootstrap } from '../../envoy-config/bootstrap.ts';
import type { ProxyResources } from '../../envoy-config/translate.ts';
import type { JsonObject } from '../../proto/json.ts';
import { translateGoldens } from '../support/envoy-goldens.ts';
import { tempDir } from '../support/temp-dir.ts';

let envoyPath: string;

beforeAll(async () => {
  envoyPath = (await findEnvoy()).path;
});

/** What Envoy says against it; '' when it accepts. Warnings count: they are seen by people who did nothing wrong. */
function objections(config: JsonObject): string {
  using directory = tempDir();
  const file = `${directory.path}/envoy.json`;
  writeFileSync(file, JSON.stringify(config));
  const options = ['--mode', 'validate', '-c', file, '--log-level', 'warning', '--disable-hot-restart'];
  const { status, stdout, stderr } = spawnSync(envoyPath, options, { encoding: 'utf8', timeout: 30_000 });
  return status === 0 ? stderr.trim() : `exit ${status}: ${stderr}${stdout}`;
}

/** Endpoints can't be static by themselves, so each assignment also stands in a cluster of its own. */
function staticBootstrap({ clusters, endpoints, listeners }: ProxyResources): JsonObject {
  const base = bootstrap({
    node: 'gateway/validated',
    cluster: 'validated',
    zone: '',
    metadata: {},
    controlPlanes: [{ host: '127.0.0.1', port: 1 }],
    adminSocketPath: '/tmp/admin.sock',
  });
  const controlPlane = (base.static_resources as { clusters: JsonObject[] }).clusters;
  const assigned = endpoints.map((load_assignment) => ({
    name: `static.${String(load_assignment.cluster_name)}`,
    type: 'STATIC',
    load_assignment,
  }));
  return { ...base, static_resources: { clusters: [...controlPlane, ...clusters, ...assigned], listeners } };
}

const { proxies, bootstraps } = translateGoldens();

describe('Envoy accepts', () => {
  it.each(proxies)('$name', ({ output }) => {
    expect(objections(staticBootstrap(output))).toBe('');
  });

  it.each(bootstraps)('$name', ({ output }) => {
    expect(objections(output)).toBe('');
  });
});

describe('Envoy refuses', () => {
  it('a field that it does not know', () => {
    const { output } = proxies[0]!;
    const clusters = output.clusters.map((cluster) => ({ ...cluster, no_such_field: 1 }));
    expect(objections(staticBootstrap({ ...output, clusters }))).toContain('no_such_field');
  });
});
