// Keeps web pages away from the API: a browser on this machine can reach 127.0.0.1, its pages must not.
import { isIP } from 'node:net';
import { HowdahError } from '../model/errors.ts';

export interface RequestOrigin {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** Sec-Fetch-Site: https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header */
  readonly fetchSite: string | undefined;
}

/**
 * A page of another site shows itself by its Origin or Sec-Fetch-Site; one whose name was made to resolve to this
 * machine (DNS rebinding) by a Host that is a name. So Host must be an IP address or localhost, and Origin its equal.
 * @throws HowdahError `invalid-argument`.
 */
export function checkSameOrigin(request: RequestOrigin): void {
  const { host, origin, fetchSite } = request;
  if (host === undefined || !isAddress(host)) {
    throw new HowdahError(
      'invalid-argument',
      'the Host header must be an IP address or localhost: call the API by its address',
    );
  }
  if (origin !== undefined && origin !== `http://${host}`) throw crossSite();
  if (fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none') throw crossSite();
}

function crossSite(): HowdahError {
  return new HowdahError('invalid-argument', 'the API takes no requests from pages of another origin');
}

function isAddress(host: string): boolean {
  const name = host.replace(/:\d{1,5}$/, '');
  return name === 'localhost' || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}
