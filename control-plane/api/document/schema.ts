/**
 * The PostgresCluster document as people write it, apiVersion howdah.dev/v1alpha1: the same on one machine and as a
 * custom resource in Kubernetes. Strict: an unknown field is a mistake. The model says what the fields mean and their
 * defaults; rules over more than one field are in rules.ts.
 */
import { z } from 'zod';
import { parseDuration, parseSize } from './quantities.ts';

export const API_VERSION = 'howdah.dev/v1alpha1';
export const KIND = 'PostgresCluster';

const name = z
  .string()
  .max(40, 'must have at most 40 characters')
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
    'must be a DNS label: lower-case letters, digits and "-", with a letter or digit first and last',
  );

const port = z
  .int()
  .refine(
    (value) => value === 0 || (value >= 1024 && value <= 65535),
    'must be from 1024 to 65535, or 0 to let Howdah choose a free one',
  )
  .meta({ minimum: 0, maximum: 65535 });

function duration(fromMs: number, toMs: number, range: string) {
  return z
    .string()
    .refine((text) => parseDuration(text) !== undefined, {
      error: 'must be a duration with a unit: 500ms, 1s, 1m',
      abort: true,
    })
    .refine((text) => between(parseDuration(text), fromMs, toMs), `must be ${range}`);
}

function between(value: number | undefined, from: number, to: number): boolean {
  return value !== undefined && value >= from && value <= to;
}

const size = z
  .union([z.number(), z.string()])
  .refine(
    (value) => (typeof value === 'number' ? Number.isSafeInteger(value) && value >= 0 : parseSize(value) !== undefined),
    'must be a size (512KiB, 16MiB, 1GiB) or a whole number of bytes',
  )
  .meta({ examples: ['16MiB'] });

const route = z.strictObject({ port: port.optional() });

const tags = z.strictObject({
  noFailover: z.boolean().optional(),
  priority: z.int().min(0).max(100).optional(),
  applyDelay: duration(0, 7 * 24 * 3_600_000, 'at most 168h').optional(),
  replicateFrom: z.string().optional(),
  reads: z.boolean().optional(),
});

const spec = z.strictObject({
  instances: z.int().min(1).max(9).optional(),
  postgres: z
    .strictObject({
      parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
      auth: z.enum(['trust', 'scram']).optional(),
    })
    .optional(),
  durability: z
    .strictObject({
      mode: z.enum(['strict', 'available', 'async']).optional(),
      quorum: z.int().min(0).max(8).optional(),
    })
    .optional(),
  routes: z
    .strictObject({
      rw: route.optional(),
      ro: route.extend({ maxLag: size.optional(), fallback: z.enum(['primary', 'none']).optional() }).optional(),
      any: route.optional(),
    })
    .optional(),
  failover: z
    .strictObject({
      automatic: z.boolean().optional(),
      suspectAfter: duration(200, 60_000, 'from 200ms to 60s').optional(),
      restAfterSilence: duration(0, 3_600_000, 'from 0s to 1h').optional(),
      lease: duration(1000, 60_000, 'from 1s to 60s').optional(),
    })
    .optional(),
  tags: z.record(z.string(), tags).optional(),
});

const metadata = z.strictObject({
  name,
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

export const documentSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(KIND),
  metadata,
  spec: spec.optional(),
});

export type PostgresClusterDocument = z.infer<typeof documentSchema>;
export type DocumentSpec = z.infer<typeof spec>;

/** JSON Schema of the document, draft 2020-12: for editors, and for the custom resource definition. */
export function documentJsonSchema() {
  return z.toJSONSchema(documentSchema, { io: 'input' });
}
