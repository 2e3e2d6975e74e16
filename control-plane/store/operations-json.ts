// Operations as a record stores them.
import { z } from 'zod';
import { NO_OPERATIONS, type Operations } from '../model/operations.ts';

const names = z.array(z.string()).readonly();

/** A record of before there were operations has none. */
export const operationsSchema = z
  .strictObject({
    paused: z.boolean(),
    fenced: names,
    restarts: z.array(z.strictObject({ instance: z.string(), stage: z.enum(['stop', 'start']) })).readonly(),
    reinits: names,
    rolling: z.strictObject({ why: z.string(), waitMs: z.int().min(0), done: names }).nullable(),
    acceptedLoss: z.strictObject({ epoch: z.int().min(0), to: z.string() }).nullable(),
    silentEpoch: z.int().min(0).nullable(),
  })
  .default(NO_OPERATIONS) satisfies z.ZodType<Operations>;
