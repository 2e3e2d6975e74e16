/** The well-known formats of text, as protoc-gen-validate describes them. */
import { isIPv4, isIPv6 as isIPv6Text } from 'node:net';

/** RFC 1034: labels of letters, digits and hyphens. One dot at the end may stand for the root. */
export function isHostname(text: string): boolean {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  return text.length <= 253 && name.split('.').every((label) => /^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$/.test(label));
}

export function isIp(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}

export { isIPv4 };

/** Without a zone: `fe80::1%eth0` is an address only on its own machine. */
export function isIPv6(text: string): boolean {
  return isIPv6Text(text) && !text.includes('%');
}

export function isAddress(text: string): boolean {
  return isHostname(text) || isIp(text);
}

/** RFC 5322's addr-spec, with the lengths of RFC 5321. */
export function isEmail(text: string): boolean {
  const at = text.lastIndexOf('@');
  const local = text.slice(0, Math.max(at, 0));
  const isLocal =
    /^[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*$/.test(local) || /^"([^"\\]|\\.)*"$/.test(local);
  return isLocal && text.length <= 254 && local.length <= 64 && isHostname(text.slice(at + 1));
}

const URI_CHARACTERS = /^(?:[\w.~:/?#[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/;

/** RFC 3986: characters, escapes, one fragment, a port of digits. */
export function isUriReference(text: string): boolean {
  if (!URI_CHARACTERS.test(text) || text.split('#').length > 2) return false;
  const rest = text.replace(SCHEME, '');
  // A relative path whose first segment has a colon would be read as a scheme.
  if (rest === text && /^[^/?#]*:/.test(text)) return false;
  const authority = /^\/\/([^/?#]*)/.exec(rest)?.[1] ?? '';
  const path = rest.replace(/^\/\/[^/?#]*/, '');
  return !/[[\]]/.test(path) && /^(?:[^@[\]]*@)?(?:\[[0-9A-Fa-f:.]+\]|[^:@[\]]*)(?::\d*)?$/.test(authority);
}

export function isUri(text: string): boolean {
  return SCHEME.test(text) && isUriReference(text);
}

export function isUuid(text: string): boolean {
  return /^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/.test(text);
}

/** RFC 7230's token, with a colon before the names of HTTP/2's pseudo-headers. A comma passes: it does in Envoy. */
export function isHeaderName(text: string): boolean {
  return /^:?[0-9A-Za-z!#$%&'*+,\-.^_|~`]+$/.test(text);
}

export function isHeaderValue(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is about them
  return /^[^\u0000-\u0008\u000a-\u001f\u007f]*$/.test(text);
}

/** The looser form of both: nothing that ends a line or a string. */
export function isHeaderText(text: string): boolean {
  return !/[\0\r\n]/.test(text);
}
