// The API's one contract: the server and the client are both made from this table. docs/api.md documents each route.
import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../model/errors.ts';
import { eventPageSchema, eventQuerySchema } from './event-schema.ts';
import { explanationSchema } from './explain-schema.ts';
import { OPERATION_ROUTES, waitMsSchema } from './operation-routes.ts';
import { proxyConfigSchema, proxyStateSchema } from './proxy-schema.ts';
import { clusterNameSchema, clusterSpecSchema } from './spec-schema.ts';
import { clusterStatusSchema, controlPlaneStatusSchema, historyEntrySchema } from './status-schema.ts';

export { EVENTS_WAIT_MAX_MS, type EventPage, type EventStatus } from './event-schema.ts';
export type { Explanation } from './explain-schema.ts';
export { SWITCHOVER_WAIT_MAX_MS } from './operation-routes.ts';
export type { ProxyConfig, ProxyResource, ProxyStatus, ProxyTypeStatus, SyncState } from './proxy-schema.ts';
export type {
  ClusterStatus,
  Condition,
  ControlPlaneStatus,
  HistoryEntryStatus,
  InstanceStatus,
} from './status-schema.ts';

/** In characters. */
export const PROXY_ID_LENGTH_MOST = 256;

const nothing = z.strictObject({});
/** A node id, or its end: see resolveProxy. */
const proxyParams = z.strictObject({ id: z.string().min(1).max(PROXY_ID_LENGTH_MOST) });
const clusterParams = z.strictObject({ name: clusterNameSchema });

interface Route {
  readonly method: 'GET' | 'PUT' | 'POST';
  /** `:name` stands for a parameter. */
  readonly path: string;
  readonly params: z.ZodType<Record<string, string>>;
  readonly query: z.ZodType<Record<string, unknown>>;
  /** null: the request has no body. */
  readonly body: z.ZodType | null;
  readonly response: z.ZodType;
}

export const ROUTES = {
  health: {
    method: 'GET',
    path: '/healthz',
    params: nothing,
    query: nothing,
    body: null,
    response: z.object({ ok: z.literal(true) }),
  },
  status: {
    method: 'GET',
    path: '/v1/status',
    params: nothing,
    query: nothing,
    body: null,
    response: z.object({
      strangers: z.array(z.object({ cluster: z.string(), instances: z.array(z.string()) })).default([]),
      controlPlane: controlPlaneStatusSchema,
      clusters: z.array(clusterStatusSchema),
    }),
  },
  controlPlanes: {
    method: 'GET',
    path: '/v1/control-planes',
    params: nothing,
    query: nothing,
    body: null,
    response: z.object({
      /** All that are alive, by name. */
      controlPlanes: z.array(controlPlaneStatusSchema),
      /** Name of the one that decides; null while none does. */
      leader: z.string().nullable(),
    }),
  },
  cluster: {
    method: 'GET',
    path: '/v1/clusters/:name',
    params: clusterParams,
    query: nothing,
    body: null,
    response: clusterStatusSchema,
  },
  history: {
    method: 'GET',
    path: '/v1/clusters/:name/history',
    params: clusterParams,
    query: nothing,
    body: null,
    /** Newest last. */
    response: z.object({ entries: z.array(historyEntrySchema) }),
  },
  events: {
    method: 'GET',
    path: '/v1/events',
    params: nothing,
    query: eventQuerySchema,
    body: null,
    response: eventPageSchema,
  },
  explain: {
    method: 'GET',
    path: '/v1/clusters/:name/explain',
    params: clusterParams,
    query: nothing,
    body: null,
    response: explanationSchema,
  },
  apply: {
    method: 'PUT',
    path: '/v1/clusters/:name',
    params: clusterParams,
    query: nothing,
    body: clusterSpecSchema,
    response: clusterStatusSchema,
  },
  rebuild: {
    method: 'POST',
    path: '/v1/clusters/:name/rebuild',
    params: clusterParams,
    query: nothing,
    body: z.strictObject({ spec: clusterSpecSchema, dryRun: z.boolean().optional() }),
    response: z.object({ name: z.string(), epoch: z.int(), how: z.string() }),
  },
  scale: {
    method: 'POST',
    path: '/v1/clusters/:name/scale',
    params: clusterParams,
    query: nothing,
    body: z.strictObject({ instances: clusterSpecSchema.shape.instances, dryRun: z.boolean().optional() }),
    response: z.object({
      from: z.int(),
      to: z.int(),
      joining: z.array(z.string()),
      leaving: z.array(z.string()),
    }),
  },
  switchover: {
    method: 'POST',
    path: '/v1/clusters/:name/switchover',
    params: clusterParams,
    query: nothing,
    body: z.strictObject({
      to: z.string().min(1).optional(),
      waitMs: waitMsSchema.optional(),
      dryRun: z.boolean().optional(),
    }),
    response: z.object({
      from: z.string(),
      to: z.string(),
      epoch: z.int(),
      durationMs: z.number(),
      checks: z.array(z.string()),
    }),
  },
  ...OPERATION_ROUTES,
  proxies: {
    method: 'GET',
    path: '/v1/proxies',
    params: nothing,
    query: nothing,
    body: null,
    response: z.object({ proxies: z.array(proxyStateSchema) }),
  },
  proxy: {
    method: 'GET',
    path: '/v1/proxies/:id',
    params: proxyParams,
    query: nothing,
    body: null,
    response: proxyStateSchema,
  },
  proxyConfig: {
    method: 'GET',
    path: '/v1/proxies/:id/config',
    params: proxyParams,
    query: nothing,
    body: null,
    response: proxyConfigSchema,
  },
} satisfies Record<string, Route>;

export type RouteName = keyof typeof ROUTES;

type BodyOf<Schema> = Schema extends z.ZodType ? z.output<Schema> : null;

/** What a request of a route consists of. */
export interface RouteInput<Name extends RouteName> {
  readonly params: z.output<(typeof ROUTES)[Name]['params']>;
  readonly query: z.output<(typeof ROUTES)[Name]['query']>;
  readonly body: BodyOf<(typeof ROUTES)[Name]['body']>;
}

export type RouteOutput<Name extends RouteName> = z.output<(typeof ROUTES)[Name]['response']>;

const errorCodes = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]];

/** The body of every answer that is not 200. Its HTTP status is ERROR_CODES[code].http. */
export const errorBodySchema = z.object({
  error: z.object({
    code: z.enum(errorCodes),
    message: z.string(),
    problems: z.array(z.object({ path: z.string(), message: z.string(), line: z.int().optional() })),
  }),
});

export type ErrorBody = z.output<typeof errorBodySchema>;
