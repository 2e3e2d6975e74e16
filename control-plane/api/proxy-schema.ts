// What the API tells of one proxy: what it was sent, what it said to that, and what it has.
import { z } from 'zod';

/**
 * `SYNCED`: it accepted what was sent last. `STALE`: it has not answered yet. `NACK`: it refused something, the last
 * accepted goes on. `NOT SENT`: it asked and there was nothing to send yet, or it never asked.
 */
export const syncStateSchema = z.enum(['SYNCED', 'STALE', 'NACK', 'NOT SENT']);

/** Wall clock, ms since 1970; for display only. */
const timeSchema = z.number();

const versionMarkSchema = z.object({ version: z.string(), at: timeSchema });

const refusalSchema = z.object({
  version: z.string(),
  /** The proxy's own words. */
  error: z.string(),
  /** Names of what is held back because of it. */
  resources: z.array(z.string()),
  /** Since when it refuses this. */
  at: timeSchema,
});

export const proxyTypeStateSchema = z.object({
  /** For example `type.googleapis.com/envoy.config.listener.v3.Listener`. */
  type: z.string(),
  /** `CDS`, `EDS`, `LDS`, ... */
  shortName: z.string(),
  state: syncStateSchema,
  /** How long it has been in this state; null = it never asked for the type. */
  sinceMs: z.number().min(0).nullable(),
  /** null = never, on its present stream. */
  requestedAt: timeSchema.nullable(),
  sent: versionMarkSchema.nullable(),
  acked: versionMarkSchema.nullable(),
  nacked: refusalSchema.nullable(),
});

export const proxyStateSchema = z.object({
  /** Envoy's node id: `instance/CLUSTER/INSTANCE` or `gateway/NAME`. */
  id: z.string(),
  connected: z.boolean(),
  /** null = not connected. */
  connectedSince: timeSchema.nullable(),
  /** Clusters, endpoints, listeners, and what else it asked for; none while it is not connected. */
  types: z.array(proxyTypeStateSchema),
});

export const proxyResourceSchema = z.object({
  name: z.string(),
  state: syncStateSchema,
  /** Of `config`; '' without one. */
  version: z.string(),
  /** What the proxy has if it refused something newer, else what it is to have; null = there is none of that name. */
  config: z.record(z.string(), z.json()).nullable(),
  /** What the proxy refused and why. */
  refused: z.object({ version: z.string(), error: z.string(), config: z.record(z.string(), z.json()) }).nullable(),
});

export const proxyConfigSchema = z.object({
  id: z.string(),
  types: z.array(z.object({ type: z.string(), shortName: z.string(), resources: z.array(proxyResourceSchema) })),
});

export type SyncState = z.output<typeof syncStateSchema>;
export type ProxyTypeStatus = z.output<typeof proxyTypeStateSchema>;
export type ProxyStatus = z.output<typeof proxyStateSchema>;
export type ProxyResource = z.output<typeof proxyResourceSchema>;
export type ProxyConfig = z.output<typeof proxyConfigSchema>;
