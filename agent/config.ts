/**
 * What an agent and a gateway are told at their start: the two JSON files that `howdah up` (or an operator) writes.
 * Reading one lists every mistake in it at once.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { HowdahError, type Problem } from '../control-plane/model/errors.ts';
import type { Placement } from '../control-plane/model/instance.ts';
import { LOG_LEVELS, type LogLevel } from '../control-plane/runtime/logger.ts';

/** One instance: PostgreSQL, its Envoy and its agent. */
export interface AgentConfig {
  readonly cluster: string;
  readonly instance: string;
  /** Absolute. Holds data/ (PGDATA), promise.json, envoy/ and what the agent keeps beside them. */
  readonly directory: string;
  /**
   * `HOST:PORT` of each control plane's gRPC server (agent service and xDS); the file may have one as a text of its own.
   */
  readonly controlPlane: readonly string[];
  readonly placement: Placement;
  readonly postgres: {
    /** Directory of initdb, postgres, pg_basebackup, pg_rewind, pg_controldata. */
    readonly binDir: string;
    /** Name of the account that PostgreSQL runs as; null = the agent's own (never root). */
    readonly user: string | null;
  };
  readonly envoy: EnvoyBinary;
  /** spec.postgres.parameters: settings for postgresql.conf that Howdah does not own. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly auth: 'trust' | 'scram';
  /** With `scram`: JSON with the passwords of postgres, howdah and howdah_replication; mode 0600. */
  readonly passwordFile: string | null;
  readonly logLevel: LogLevel;
  readonly logFormat: 'json' | 'pretty';
}

/** One Envoy that serves applications and has no PostgreSQL beside it. */
export interface GatewayConfig {
  readonly name: string;
  /** Absolute. Holds envoy/. */
  readonly directory: string;
  readonly controlPlane: readonly string[];
  readonly envoy: EnvoyBinary;
  readonly logLevel: LogLevel;
  readonly logFormat: 'json' | 'pretty';
}

export interface EnvoyBinary {
  /** Absolute path of the envoy program. */
  readonly path: string;
}

const absolutePath = z.string().regex(/^\//, 'must be an absolute path');
const hostAndPort = z.string().regex(/^.+:\d{1,5}$/, 'must be HOST:PORT');
const addresses = z.preprocess(
  (value) => (typeof value === 'string' ? [value] : value),
  z.array(hostAndPort).min(1, 'must name a control plane'),
);
const label = z.string().regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'must be a DNS label: a-z, 0-9 and -');
const port = z.int().min(1).max(65535);
const logging = { logLevel: z.enum(LOG_LEVELS), logFormat: z.enum(['json', 'pretty']) };
const envoy = z.strictObject({ path: absolutePath });

const agentSchema = z
  .strictObject({
    cluster: label,
    instance: label,
    directory: absolutePath,
    controlPlane: addresses,
    placement: z.strictObject({
      host: z.string().min(1),
      zone: z.string(),
      ports: z.strictObject({
        rw: port,
        ro: port,
        any: port,
        mesh: port,
        meshRw: port,
        replication: port,
        health: port,
      }),
      socketDir: absolutePath,
    }),
    postgres: z.strictObject({ binDir: absolutePath, user: z.string().min(1).nullable() }),
    envoy,
    parameters: z.record(z.string(), z.string()),
    auth: z.enum(['trust', 'scram']),
    passwordFile: absolutePath.nullable(),
    ...logging,
  })
  .refine((config) => config.auth === 'trust' || config.passwordFile !== null, {
    path: ['passwordFile'],
    message: 'auth scram needs a password file',
  });

const gatewaySchema = z.strictObject({
  name: label,
  directory: absolutePath,
  controlPlane: addresses,
  envoy,
  ...logging,
});

/** @throws HowdahError `invalid-argument` with every problem, or when the file can't be read. */
export function readAgentConfig(file: string): AgentConfig {
  return read(file, agentSchema);
}

/** @throws HowdahError as readAgentConfig. */
export function readGatewayConfig(file: string): GatewayConfig {
  return read(file, gatewaySchema);
}

function read<T>(file: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(parseJson(file));
  if (parsed.success) return parsed.data;
  const problems: Problem[] = parsed.error.issues.map((issue) => ({
    path: issue.path.length === 0 ? file : issue.path.join('.'),
    message: issue.message,
  }));
  const listed = problems.map((problem) => `${problem.path}: ${problem.message}`).join('; ');
  throw new HowdahError('invalid-argument', `${file}: ${listed}`, { problems });
}

function parseJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const why = error instanceof SyntaxError ? `is not JSON: ${error.message}` : `can't be read: ${String(error)}`;
    throw new HowdahError('invalid-argument', `${file} ${why}`, {
      problems: [{ path: file, message: why }],
      cause: error,
    });
  }
}
