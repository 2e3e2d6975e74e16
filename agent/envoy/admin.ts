import { request } from 'node:http';
import { HowdahError } from '../../control-plane/model/errors.ts';

export interface AdminAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * GET `path` of Envoy's admin interface on its unix socket.
 * https://www.envoyproxy.io/docs/envoy/latest/operations/admin
 * @throws HowdahError `unavailable` when Envoy doesn't answer, `deadline-exceeded` when it takes longer.
 */
export function adminGet(socketPath: string, path: string, timeoutMs = 2_000): Promise<AdminAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<AdminAnswer>();
  const limit = AbortSignal.timeout(timeoutMs);
  const fail = (error: Error) =>
    reject(
      limit.aborted
        ? new HowdahError('deadline-exceeded', `Envoy did not answer ${path} within ${timeoutMs} ms`, { cause: error })
        : new HowdahError('unavailable', `Envoy's admin interface at ${socketPath}: ${error.message}`, {
            cause: error,
          }),
    );
  const call = request({ socketPath, path, agent: false, signal: limit }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
    );
    response.on('error', fail);
  });
  call.on('error', fail);
  call.end();
  return promise;
}
