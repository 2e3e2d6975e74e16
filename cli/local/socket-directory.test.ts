import { chmodSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { captureError } from '../../test/support/capture-error.ts';
import { type TempDir, tempDir } from '../../test/support/temp-dir.ts';
import { chooseSocketDirectory, fitsSocket } from './socket-directory.ts';

let dir: TempDir;
beforeEach(() => {
  dir = tempDir();
});
afterEach(() => dir.remove());

const long = () => join(dir.path, 'long'.repeat(30));

describe('chooseSocketDirectory', () => {
  it('takes a directory that a socket fits into', () => {
    const wished = join(dir.path, 'orders-1', 'socket');
    expect(chooseSocketDirectory(wished, undefined, dir.path)).toBe(wished);
    expect(statSync(wished).mode & 0o777).toBe(0o700);
  });

  it('counts the bytes of a path, not its letters: 107 at most', () => {
    const name = '.s.PGSQL.5432';
    expect(fitsSocket(`/${'x'.repeat(107 - name.length - 2)}`)).toBe(true);
    expect(fitsSocket(`/${'x'.repeat(107 - name.length - 1)}`)).toBe(false);
    expect(fitsSocket(`/${'ö'.repeat(60)}`)).toBe(false);
  });

  it('falls back to a short one, and keeps it', () => {
    const first = chooseSocketDirectory(long(), undefined, dir.path);
    expect(first.startsWith(join(dir.path, 'howdah-'))).toBe(true);
    expect(existsSync(first)).toBe(true);
    expect(chooseSocketDirectory(long(), first, dir.path)).toBe(first);
  });

  it('takes another one when others may write to the kept one', () => {
    const first = chooseSocketDirectory(long(), undefined, dir.path);
    chmodSync(first, 0o777);
    expect(chooseSocketDirectory(long(), first, dir.path)).not.toBe(first);
  });

  it('says so when nothing is short enough', () => {
    expect(captureError(() => chooseSocketDirectory(long(), undefined, long()))).toMatchObject({
      code: 'failed-precondition',
      message: `no unix socket fits into ${long()} nor under ${long()} (at most 107 bytes): give a shorter --state-dir`,
    });
  });
});
