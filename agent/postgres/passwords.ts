/** Passwords of the three roles, with `auth: scram`. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { HowdahError } from '../../control-plane/model/errors.ts';
import type { User } from '../process/pdeathsig.ts';
import { writeWhole } from './files.ts';

export interface Passwords {
  readonly postgres: string;
  readonly howdah: string;
  readonly howdah_replication: string;
}

const password = z.string().min(1);
const schema = z.strictObject({ postgres: password, howdah: password, howdah_replication: password });

/** @throws HowdahError `invalid-argument`; the text never holds a password. */
export function readPasswords(file: string): Passwords {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    throw new HowdahError(
      'invalid-argument',
      `passwordFile: ${file} must hold JSON with the passwords of postgres, howdah and howdah_replication`,
    );
  }
}

/**
 * The file that libpq of the WAL receiver, pg_basebackup and pg_rewind reads (PGPASSFILE); answers its path.
 * https://www.postgresql.org/docs/current/libpq-pgpass.html
 */
export async function writePassfile(directory: string, passwords: Passwords, owner: User | null): Promise<string> {
  const file = path.join(directory, 'pgpass');
  const escaped = passwords.howdah_replication.replaceAll('\\', '\\\\').replaceAll(':', '\\:');
  await writeWhole(file, `127.0.0.1:*:*:howdah_replication:${escaped}\n`, owner);
  return file;
}
