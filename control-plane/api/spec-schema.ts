// The JSON form of a ClusterSpec: in a PUT's body and in a stored record. Each field's range is in the model.
import { z } from 'zod';
import type { ClusterSpec } from '../model/cluster-spec.ts';

export const CLUSTER_NAME_MAX_LENGTH = 40;
export const APPLY_DELAY_MAX_MS = 7 * 24 * 3_600_000;

/** Names of clusters: they become parts of host names, files and slots. */
export const clusterNameSchema = z
  .string()
  .max(CLUSTER_NAME_MAX_LENGTH, `at most ${CLUSTER_NAME_MAX_LENGTH} characters`)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be a DNS label: lower-case letters, digits and "-" between them');

const parameterNameSchema = z
  .string()
  .regex(/^(?!__proto__$)[A-Za-z_][A-Za-z0-9_.$]*$/, 'must be the name of a PostgreSQL setting');

// 0 is the model's "choose one"; what is stored has its ports chosen: see specProblems.
const routeShape = {
  port: z
    .int()
    .max(65535)
    .refine((port) => port === 0 || port >= 1024, 'must be 0 or from 1024 to 65535'),
};

const durabilitySchema = z.strictObject({
  mode: z.enum(['strict', 'available', 'async']),
  quorum: z.int().min(0),
});

const tagsSchema = z.strictObject({
  noFailover: z.boolean(),
  priority: z.int().min(0).max(100),
  applyDelayMs: z.int().min(0).max(APPLY_DELAY_MAX_MS),
  replicateFrom: z.string(),
  reads: z.boolean(),
});

export const clusterSpecSchema = z.strictObject({
  name: clusterNameSchema,
  instances: z.int().min(1).max(9),
  postgres: z.strictObject({
    parameters: z.record(parameterNameSchema, z.string()),
    auth: z.enum(['trust', 'scram']),
  }),
  durability: durabilitySchema,
  routes: z.strictObject({
    rw: z.strictObject(routeShape),
    ro: z.strictObject({
      ...routeShape,
      maxLagBytes: z.int().min(0),
      fallback: z.enum(['primary', 'none']),
    }),
    any: z.strictObject(routeShape),
  }),
  failover: z.strictObject({
    automatic: z.boolean(),
    suspectAfterMs: z.int().min(200).max(60_000),
    // A record of an earlier version has none.
    restAfterSilenceMs: z.int().min(0).max(3_600_000).default(60_000),
    leaseMs: z.int().min(1000).max(60_000),
  }),
  // A record of an earlier version has none.
  tags: z.record(z.string(), tagsSchema).default({}),
}) satisfies z.ZodType<ClusterSpec>;
