import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { captureError } from '../../test/support/capture-error.ts';
import { type TempDir, tempDir } from '../../test/support/temp-dir.ts';
import { ensurePasswords, readPassword } from './passwords.ts';

let dir: TempDir;
let passwords: string;
let passFile: string;
beforeEach(() => {
  dir = tempDir();
  passwords = join(dir.path, 'passwords.json');
  passFile = join(dir.path, 'pgpass');
});
afterEach(() => dir.remove());

describe('ensurePasswords', () => {
  it('makes three passwords once, in files that only their owner reads', () => {
    ensurePasswords(passwords, passFile);
    const made = JSON.parse(readFileSync(passwords, 'utf8'));
    expect(Object.keys(made)).toEqual(['postgres', 'howdah', 'howdah_replication']);
    expect(new Set(Object.values(made)).size).toBe(3);
    expect(readFileSync(passFile, 'utf8')).toBe(`127.0.0.1:*:*:postgres:${made.postgres}\n`);
    for (const file of [passwords, passFile]) expect(statSync(file).mode & 0o777).toBe(0o600);
    ensurePasswords(passwords, passFile);
    expect(readPassword(passwords)).toBe(made.postgres);
  });

  it('never replaces passwords that it cannot read', () => {
    writeFileSync(passwords, '{"postgres": ""}');
    expect(captureError(() => ensurePasswords(passwords, passFile))).toMatchObject({
      code: 'corrupted',
      message: `${passwords} does not hold the passwords of the cluster: restore it`,
    });
  });
});
