/** How a call ends, in HTTP/2 headers, and how long its client waits for that. Pure. */
import type { OutgoingHttpHeaders } from 'node:http2';
import type { status } from '@grpc/grpc-js';

export interface CallStatus {
  readonly code: status;
  /** For people; '' = nothing to say. */
  readonly details: string;
}

export function trailersOf({ code, details }: CallStatus): OutgoingHttpHeaders {
  return { 'grpc-status': String(code), ...(details === '' ? {} : { 'grpc-message': escaped(details) }) };
}

/** A header holds printable ASCII; the rest is escaped, and what escapes too. */
function escaped(text: string): string {
  return text.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]/gu, encodeURIComponent);
}

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };

/** @param timeout of the header grpc-timeout, for example `100m`; undefined = the client waits as long as it takes */
export function timeoutMs(timeout: string | readonly string[] | undefined): number | undefined {
  const match = typeof timeout === 'string' ? /^(\d{1,8})([HMSmun])$/.exec(timeout) : null;
  return match ? Number(match[1]) * UNIT_MS[match[2]!]! : undefined;
}
