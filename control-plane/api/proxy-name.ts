// Which proxy a person means: its node id, or the end of it.
import { HowdahError } from '../model/errors.ts';
import { closest } from './document/path.ts';

/**
 * `orders-1` and `orders/orders-1` stand for `instance/orders/orders-1`, `local` for `gateway/local`.
 * @throws HowdahError `not-found` with the one that was probably meant, `invalid-argument` when it could be several.
 */
export function resolveProxy(name: string, ids: readonly string[]): string {
  if (ids.includes(name)) return name;
  const meant = ids.filter((id) => id.endsWith(`/${name}`));
  if (meant.length === 1 && meant[0] !== undefined) return meant[0];
  if (meant.length > 1) {
    const message = `could be ${meant.join(' or ')}: write it in full`;
    throw new HowdahError('invalid-argument', `proxy ${name} ${message}`, { problems: [{ path: 'proxy', message }] });
  }
  const near = closest(name, ids.flatMap(endings));
  const known = ids.length === 0 ? 'there is none' : `there are: ${ids.join(', ')}`;
  throw new HowdahError('not-found', `there is no proxy ${name}; ${near ? `did you mean "${near}"?` : known}`);
}

/** `a/b/c` -> `c`, `b/c`, `a/b/c` */
function endings(id: string): string[] {
  const parts = id.split('/');
  return parts.map((_, index) => parts.slice(parts.length - 1 - index).join('/'));
}
