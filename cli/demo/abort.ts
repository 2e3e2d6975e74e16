/** Settles as `work` does, or rejects with the signal's reason when it is aborted first; `work` itself goes on. */
export async function orAbort<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const listener = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', listener, { once: true });
  // Raced only below: a rejection before that is no unhandled one.
  aborted.promise.catch(() => undefined);
  work.catch(() => undefined);
  try {
    signal.throwIfAborted();
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', listener);
  }
}
