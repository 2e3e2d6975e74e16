// What would happen if a cluster's primary died now.
import { z } from 'zod';

export const explanationSchema = z.object({
  /** Two or three sentences: who would lead, and what would be lost. */
  summary: z.string(),
  /** The instance that would lead; null = none. */
  leader: z.string().nullable(),
  /** Each other instance, and in one clause why it would not lead. */
  others: z.array(z.object({ instance: z.string(), why: z.string() })),
  /** What to do about it, a sentence each; empty = nothing. */
  advice: z.array(z.string()),
});

export type Explanation = z.output<typeof explanationSchema>;
