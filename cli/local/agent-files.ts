/**
 * The configuration files of agents and of the gateway, in the form that the agent reads. Declared here by structure,
 * because the command line imports nothing of the agent; a test reads what is written here with the agent's reader.
 */
import { writeFileSync } from 'node:fs';
import type { ClusterSpec } from '../../control-plane/model/cluster-spec.ts';
import type { Placement } from '../../control-plane/model/instance.ts';
import type { LogLevel } from '../../control-plane/runtime/logger.ts';
import type { StateLayout } from './layout.ts';

/** What all agents of one run have in common. */
export interface AgentSurroundings {
  /** `HOST:PORT` of each control plane's gRPC server. */
  readonly controlPlane: readonly string[];
  readonly postgres: { readonly binDir: string; readonly user: string | null };
  readonly envoy: { readonly path: string };
  readonly logLevel: LogLevel;
  readonly logFormat: 'json' | 'pretty';
}

export interface AgentFile extends AgentSurroundings {
  readonly cluster: string;
  readonly instance: string;
  readonly directory: string;
  readonly placement: Placement;
  readonly parameters: Readonly<Record<string, string>>;
  readonly auth: 'trust' | 'scram';
  readonly passwordFile: string | null;
}

export type GatewayFile = Omit<AgentSurroundings, 'postgres'> & { readonly name: string; readonly directory: string };

/** The gateway's name in Envoy's node id `gateway/NAME`. */
export const GATEWAY_NAME = 'local';

export function agentFile(
  spec: ClusterSpec,
  instance: { readonly name: string; readonly directory: string; readonly placement: Placement },
  layout: StateLayout,
  surroundings: AgentSurroundings,
): AgentFile {
  return {
    cluster: spec.name,
    instance: instance.name,
    directory: instance.directory,
    placement: instance.placement,
    parameters: spec.postgres.parameters,
    auth: spec.postgres.auth,
    passwordFile: spec.postgres.auth === 'scram' ? layout.passwordFile(spec.name) : null,
    ...surroundings,
  };
}

export function gatewayFile(directory: string, surroundings: AgentSurroundings): GatewayFile {
  const { postgres: _postgres, ...common } = surroundings;
  return { name: GATEWAY_NAME, directory, ...common };
}

export function writeConfig(file: string, value: AgentFile | GatewayFile): void {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
}
