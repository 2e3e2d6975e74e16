/** Passwords of a cluster with `auth: scram`: made once, kept in files that only their owner reads, never printed. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { HowdahError } from '../../control-plane/model/errors.ts';
import { LOOPBACK } from './ports.ts';

const passwords = z.object({
  postgres: z.string().min(1),
  howdah: z.string().min(1),
  howdah_replication: z.string().min(1),
});

/**
 * Makes the passwords if there are none yet, and writes the file for libpq from them.
 * @throws HowdahError `corrupted` when the passwords can't be read: they are in the database, new ones would not fit.
 */
export function ensurePasswords(passwordFile: string, passFile: string): void {
  if (!existsSync(passwordFile)) {
    const made = { postgres: password(), howdah: password(), howdah_replication: password() };
    writeSecret(passwordFile, `${JSON.stringify(made, null, 2)}\n`);
  }
  const { postgres } = read(passwordFile);
  // Any port: the routes differ by port, and ports may change from run to run.
  writeSecret(passFile, `${LOOPBACK}:*:*:postgres:${postgres}\n`);
}

/** The password of role postgres. @throws HowdahError `corrupted`. */
export function readPassword(passwordFile: string): string {
  return read(passwordFile).postgres;
}

function read(file: string): z.output<typeof passwords> {
  try {
    return passwords.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new HowdahError('corrupted', `${file} does not hold the passwords of the cluster: restore it`, { cause });
  }
}

function password(): string {
  return randomBytes(24).toString('base64url');
}

function writeSecret(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}
