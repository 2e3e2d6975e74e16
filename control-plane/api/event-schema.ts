// What happened, as the API tells it.
import { z } from 'zod';

/** Longest time that a request may wait for the next event. */
export const EVENTS_WAIT_MAX_MS = 30_000;

export const eventQuerySchema = z.strictObject({
  /** Of this cluster only. */
  cluster: z.string().min(1).optional(),
  /** The cursor of an earlier answer; without it, or after a restart, all that is kept. */
  after: z.string().max(100).optional(),
  /** How long to wait when there is nothing yet. Default 0. */
  waitMs: z.coerce.number().int().min(0).max(EVENTS_WAIT_MAX_MS).optional(),
});

export const eventPageSchema = z.object({
  /** For the next request. */
  cursor: z.string(),
  /** Oldest first. */
  events: z.array(
    z.object({
      cursor: z.string(),
      /** Wall clock, ms since 1970; for display only. */
      at: z.number(),
      cluster: z.string(),
      epoch: z.int().min(0),
      /** A decision's kind as in the history; or `agent`, `postgres` of an instance. */
      kind: z.string(),
      /** '' = the cluster itself. */
      instance: z.string(),
      message: z.string(),
    }),
  ),
});

export type EventPage = z.output<typeof eventPageSchema>;
export type EventStatus = EventPage['events'][number];
