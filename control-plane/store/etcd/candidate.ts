/** What a control plane says of itself in the shared store. */
import { z } from 'zod';

const candidateSchema = z.object({
  /** One control plane at a time has it: its own state directory's lock sees to that. */
  name: z.string().min(1),
  /** Made anew at each start. */
  bootId: z.string().min(1),
  pid: z.int().min(1),
  /** `http://HOST:PORT` */
  api: z.string(),
  /** `HOST:PORT`: Envoys and agents. */
  xds: z.string(),
  version: z.string(),
  /** Wall clock, ms since 1970; for display only. */
  startedAt: z.number(),
});

export type Candidate = z.output<typeof candidateSchema>;

/** undefined: not written by a Howdah of this version. */
export function parseCandidate(text: string): Candidate | undefined {
  try {
    return candidateSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
