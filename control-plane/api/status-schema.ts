// What the API tells of a cluster, a proxy and the control plane itself. `howdah status -o json` prints the same.
import { z } from 'zod';
import { CHANGE_CAUSES, CHANGE_PHASES } from '../model/cluster-record.ts';

/** A log sequence number as PostgreSQL writes it: `X/Y`, both hexadecimal. */
const lsnTextSchema = z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/);

/** 0 = not running. */
const pidSchema = z.int().min(0);

export const instanceStatusSchema = z.object({
  name: z.string(),
  /** What its PostgreSQL is now; `none` while it is neither. */
  role: z.enum(['primary', 'standby', 'none']),
  /**
   * `running`, `starting`, `stopped`, `crashed`, `creating`, `absent` (no data directory), `unresponsive` (PostgreSQL
   * does not answer its agent), `unreachable` (no agent, or no word from it yet).
   */
  state: z.enum(['running', 'starting', 'stopped', 'crashed', 'creating', 'absent', 'unresponsive', 'unreachable']),
  /** The agent's stream to the control plane is up. When not, all else is what it said last. */
  connected: z.boolean(),
  /** The specification does not name it any more: it goes as soon as nothing needs it. */
  leaving: z.boolean(),
  /** Settings that only a restart brings into force, with the values that run and that are wanted. */
  pendingRestart: z.array(z.object({ name: z.string(), running: z.string(), wanted: z.string() })),
  /** Timeline of the data directory; 0 without one. */
  timeline: z.int().min(0),
  /** A primary's flushed position, a standby's received or replayed position, whichever is further. */
  lsn: lsnTextSchema,
  /** WAL behind the primary, in bytes; null while either position is unknown. 0 for the primary. */
  lagBytes: z.number().min(0).nullable(),
  pids: z.object({ agent: pidSchema, postgres: pidSchema, envoy: pidSchema }),
  /** Directory of PostgreSQL's unix socket; '' until the agent told it. */
  socket: z.string(),
  /** Somebody fenced it: its PostgreSQL is stopped, or is about to be. */
  fenced: z.boolean(),
  /** What the control plane wants of it and how far that is; null before the first goal. */
  goal: z.object({ id: z.string(), status: z.enum(['working', 'done', 'failed']), detail: z.string() }).nullable(),
});

export const conditionSchema = z.object({
  /** CamelCase, as in Kubernetes: see docs/api.md. */
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  /** One sentence: what is and what to do about it. */
  message: z.string(),
});

/** `host:port` */
const endpointSchema = z.string();

/** What people asked for and what of it is under way. */
export const operationsStatusSchema = z.object({
  /** No failover by itself until somebody resumes it. */
  paused: z.boolean(),
  fenced: z.array(z.string()),
  restarts: z.array(z.object({ instance: z.string(), stage: z.enum(['stop', 'start']) })),
  /** Standbys whose data is to be set aside and copied anew. */
  reinits: z.array(z.string()),
  /** A restart of all, one after another; null = none. */
  rolling: z.object({ why: z.string(), done: z.array(z.string()) }).nullable(),
});

export const clusterStatusSchema = z.object({
  name: z.string(),
  /** Rises by one with each change of primary; 0 = there was none. */
  epoch: z.int().min(0),
  phase: z.enum(['forming', 'active', 'draining', 'stopping', 'fencing', 'promoting']),
  /** Whether rw leads anywhere. */
  gate: z.enum(['open', 'closed']),
  /** Holds the writes or is about to; null while none is chosen. */
  primary: z.string().nullable(),
  /** Why it is as it is: one sentence. */
  reason: z.string(),
  /** How many instances the specification asks for. */
  size: z.int().min(1),
  durability: z.enum(['strict', 'available', 'async']),
  sync: z.object({
    voters: z.array(z.string()),
    /** How many voters must have flushed a commit before it is acknowledged. */
    k: z.int().min(0),
    /** How many voters must promise a new epoch before another may lead. */
    promiseQuorum: z.int().min(0),
  }),
  endpoints: z.object({ rw: endpointSchema, ro: endpointSchema, any: endpointSchema }),
  operations: operationsStatusSchema,
  instances: z.array(instanceStatusSchema),
  conditions: z.array(conditionSchema),
});

export const historyEntrySchema = z.object({
  /** Wall clock, ms since 1970; for display only. */
  at: z.number(),
  epoch: z.int().min(0),
  kind: z.string(),
  /** One sentence: what was decided and why. */
  reason: z.string(),
  /** Of the decision that ended a failover, a switchover or a restart of the primary in its place: how long each phase took, in their order. */
  change: z
    .object({
      cause: z.enum(CHANGE_CAUSES),
      from: z.string(),
      to: z.string(),
      phases: z.array(z.object({ name: z.enum(CHANGE_PHASES), tookMs: z.number() })),
    })
    .optional(),
});

export const controlPlaneStatusSchema = z.object({
  /** Of this control plane among several. */
  name: z.string(),
  /** It decides; of several one does. */
  leads: z.boolean(),
  pid: pidSchema,
  version: z.string(),
  /** `http://HOST:PORT` */
  api: z.string(),
  /** `HOST:PORT`: Envoys and agents. */
  xds: z.string(),
  /** Wall clock, ms since 1970; for display only. */
  startedAt: z.number(),
});

export type InstanceStatus = z.output<typeof instanceStatusSchema>;
export type Condition = z.output<typeof conditionSchema>;
export type ClusterStatus = z.output<typeof clusterStatusSchema>;
export type HistoryEntryStatus = z.output<typeof historyEntrySchema>;
export type ControlPlaneStatus = z.output<typeof controlPlaneStatusSchema>;
