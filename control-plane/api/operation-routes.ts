// The routes by which people ask something of a cluster, and what is told of it afterwards.
import { z } from 'zod';
import { clusterNameSchema } from './spec-schema.ts';
import { clusterStatusSchema } from './status-schema.ts';

/** Longest time that a switchover may be asked to wait for running transactions. */
export const SWITCHOVER_WAIT_MAX_MS = 600_000;

export const waitMsSchema = z.int().min(0).max(SWITCHOVER_WAIT_MAX_MS);

const instance = z.string().min(1);

/** Answers when the request is stored; how far it is tells the cluster's status. */
function operation<Name extends string, Body extends z.ZodRawShape>(name: Name, body: Body) {
  return {
    method: 'POST',
    path: `/v1/clusters/:name/${name}`,
    params: z.strictObject({ name: clusterNameSchema }),
    query: z.strictObject({}),
    body: z.strictObject(body),
    response: z.object({ message: z.string(), cluster: clusterStatusSchema }),
  } as const;
}

export const OPERATION_ROUTES = {
  pause: operation('pause', {}),
  resume: operation('resume', {}),
  failover: operation('failover', {
    to: instance.optional(),
    acceptDataLoss: z.boolean().optional(),
    dryRun: z.boolean().optional(),
  }),
  /** Without `instance` all of them, one after another; `waitMs` is for the switchover then. */
  restart: operation('restart', { instance: instance.optional(), waitMs: waitMsSchema.optional() }),
  reinit: operation('reinit', { instance }),
  fence: operation('fence', { instance, force: z.boolean().optional() }),
  unfence: operation('unfence', { instance }),
};
