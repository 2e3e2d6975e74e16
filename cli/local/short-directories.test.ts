import { chmodSync, existsSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { captureError } from '../../test/support/capture-error.ts';
import { type TempDir, tempDir } from '../../test/support/temp-dir.ts';
import { fitsSockets, ShortDirectories } from './short-directories.ts';

let dir: TempDir;
let long: string;
beforeEach(() => {
  dir = tempDir();
  long = join(dir.path, 'long'.repeat(30));
  mkdirSync(long);
});
afterEach(() => dir.remove());

describe('ShortDirectories', () => {
  it('counts the bytes of a path, not its letters: 107 at most', () => {
    const below = '/socket/.s.PGSQL.5432';
    expect(fitsSockets(`/${'x'.repeat(107 - below.length - 1)}`)).toBe(true);
    expect(fitsSockets(`/${'x'.repeat(107 - below.length)}`)).toBe(false);
    expect(fitsSockets(`/${'ö'.repeat(60)}`)).toBe(false);
  });

  it('leaves a short directory alone', () => {
    const directories = new ShortDirectories(undefined, dir.path);
    expect(directories.shorten(dir.path, 'orders-1')).toBe(dir.path);
    expect(directories.root).toBeUndefined();
  });

  it('links a long one, keeps the place, and leaves nothing but what it points to', () => {
    const first = new ShortDirectories(undefined, dir.path);
    const link = first.shorten(long, 'orders-1');
    expect([realpathSync(link), fitsSockets(link)]).toEqual([realpathSync(long), true]);
    const again = new ShortDirectories(first.root, dir.path);
    expect(again.shorten(long, 'orders-1')).toBe(link);
    const root = again.root!;
    again.remove();
    expect([existsSync(root), existsSync(long)]).toEqual([false, true]);
    expect(new ShortDirectories(root, dir.path).shorten(long, 'orders-1')).toBe(link);
  });

  it('takes another place when others may write to the kept one', () => {
    const first = new ShortDirectories(undefined, dir.path);
    first.shorten(long, 'orders-1');
    chmodSync(first.root!, 0o777);
    const second = new ShortDirectories(first.root, dir.path);
    second.shorten(long, 'orders-1');
    expect(second.root).not.toBe(first.root);
  });

  it('says so when nothing is short enough', () => {
    expect(captureError(() => new ShortDirectories(undefined, long).shorten(long, 'orders-1'))).toMatchObject({
      code: 'failed-precondition',
      message: `no unix socket fits into ${long} nor under ${long} (at most 107 bytes): give a shorter --state-dir`,
    });
  });
});
