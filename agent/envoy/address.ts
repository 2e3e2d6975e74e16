import { HowdahError } from '../../control-plane/model/errors.ts';

/**
 * `HOST:PORT` or `[IPv6]:PORT` in its two parts.
 * @throws HowdahError `invalid-argument`
 */
export function parseAddress(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65535) {
    throw new HowdahError('invalid-argument', `not an address of the form HOST:PORT: ${JSON.stringify(text)}`);
  }
  return { host: match[1] ?? match[2]!, port };
}
