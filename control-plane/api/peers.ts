/** The other control planes, as the API needs them: whoever does not lead passes on what only the leader can do. */
import { HowdahError } from '../model/errors.ts';
import type { ControlPlaneStatus } from './contract.ts';

export interface Peers {
  /** This control plane leads now. */
  leads(): boolean;
  /** Who leads as far as known; null: nobody, or it can't be known. */
  leader(): Pick<ControlPlaneStatus, 'name' | 'api'> | null;
  /** All that are alive. @throws HowdahError `unavailable` when the store does not answer */
  all(): Promise<Omit<ControlPlaneStatus, 'leads'>[]>;
}

/** Marks a request that was passed on once: it is not passed on again. */
export const FORWARDED = 'x-howdah-forwarded';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface ForwardedRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Parsed JSON; undefined without one. */
  readonly body: unknown;
  readonly wasForwarded: boolean;
}

/** A switchover may wait for transactions as long as its own limit allows. */
const LIMIT_MS = 15 * 60_000;

/** @throws HowdahError `unavailable` when nobody leads, or the leader can't be reached */
export async function forward(request: ForwardedRequest, leader: ReturnType<Peers['leader']>): Promise<Answer> {
  if (!leader || request.wasForwarded) {
    throw new HowdahError(
      'unavailable',
      'no control plane leads at present, so nothing can be changed: try again in some seconds; if it stays so, look whether the store (etcd) answers',
    );
  }
  try {
    const response = await fetch(`${leader.api}${request.url}`, {
      method: request.method,
      redirect: 'error',
      signal: AbortSignal.timeout(LIMIT_MS),
      headers: { 'content-type': 'application/json', [FORWARDED]: 'yes' },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
    return { status: response.status, body: await response.text() };
  } catch (cause) {
    const detail = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
    throw new HowdahError(
      'unavailable',
      `the control plane that leads, ${leader.name} at ${leader.api}, can't be reached (${detail}): try again in some seconds`,
      { cause },
    );
  }
}
