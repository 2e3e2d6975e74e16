/** The system account that PostgreSQL and its tools run as. */
import { readFileSync } from 'node:fs';
import { HowdahError } from '../../control-plane/model/errors.ts';
import type { User } from '../process/pdeathsig.ts';

/**
 * Null: PostgreSQL runs as the agent's own account.
 * @throws HowdahError `invalid-argument` for an unknown name, or when PostgreSQL would run as root (it refuses to).
 */
export function resolveAccount(name: string | null): User | null {
  const own = process.getuid?.() ?? 0;
  if (name === null) {
    if (own === 0) throw new HowdahError('invalid-argument', 'postgres.user: PostgreSQL does not run as root');
    return null;
  }
  const user = findAccount(name);
  if (user === undefined) throw new HowdahError('invalid-argument', `postgres.user: there is no account ${name}`);
  if (user.uid === 0) throw new HowdahError('invalid-argument', 'postgres.user: PostgreSQL does not run as root');
  if (user.uid === own) return null;
  if (own !== 0) throw new HowdahError('invalid-argument', `postgres.user: only root can start it as ${name}`);
  return user;
}

function findAccount(name: string): User | undefined {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [account, , uid, gid] = line.split(':');
    if (account === name) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}
