/** Waiting for a cluster to become what was asked of it, while a person looks on. */
import { HowdahError } from '../control-plane/model/errors.ts';
import type { Io } from './io.ts';
import { formatDuration } from './output/units.ts';

const LOOK_EVERY_MS = 200;

/**
 * Looks until nothing is missing; each new answer is shown on standard error.
 *
 * @param look what is still missing, in words; '' = nothing
 * @throws HowdahError `deadline-exceeded` with what is missing then; what was asked for goes on
 */
export async function waitUntil(io: Io, limitMs: number, what: string, look: () => Promise<string>): Promise<void> {
  const deadline = io.clock.now() + limitMs;
  let shown = '';
  for (;;) {
    const missing = await look().catch((error: unknown) => {
      // The control plane may be away for a moment.
      if (error instanceof HowdahError && error.code === 'unavailable') return error.message;
      throw error;
    });
    if (missing === '') return;
    if (missing !== shown) io.err(`${io.colors.dim(missing)}\n`);
    shown = missing;
    if (io.clock.now() >= deadline) {
      const message = `still waiting for ${what} after ${formatDuration(limitMs)}: ${missing}; it goes on, see howdah status`;
      throw new HowdahError('deadline-exceeded', message);
    }
    await new Promise<void>((resolve) => void io.clock.after(LOOK_EVERY_MS, resolve));
  }
}
