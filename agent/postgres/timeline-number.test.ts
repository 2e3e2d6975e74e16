import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tempDir } from '../../test/support/temp-dir.ts';
import { releaseTimelines, reserveTimelines, unusedReservations } from './timeline-number.ts';

const empty = (name: string) => ({ name, size: 0 });
const full = (name: string) => ({ name, size: 41 });

async function dataDirectory(...names: string[]): Promise<string> {
  const directory = tempDir();
  onTestFinished(directory.remove);
  await mkdir(path.join(directory.path, 'pg_wal'));
  for (const name of names) await writeFile(path.join(directory.path, 'pg_wal', name), 'x');
  return directory.path;
}

describe('the number of a timeline', () => {
  it('is kept free of others by files up to it', async () => {
    const directory = await dataDirectory('000000020000000000000003', '00000002.history', '00000004.history');
    await reserveTimelines(directory, 2, 6, null);
    const made = (await readdir(path.join(directory, 'pg_wal'))).sort();
    expect(made).toEqual([
      '00000002.history',
      '000000020000000000000003',
      '00000003.history',
      '00000004.history',
      '00000005.history',
    ]);
    await releaseTimelines(directory);
    // 3 lies below the real 4: PostgreSQL looks for the newest in a row.
    expect(await readdir(path.join(directory, 'pg_wal'))).not.toContain('00000005.history');
    expect(await readdir(path.join(directory, 'pg_wal'))).toContain('00000003.history');
  });

  it('needs no file when it is the next one anyway', async () => {
    const directory = await dataDirectory('000000020000000000000003');
    await reserveTimelines(directory, 2, 3, null);
    expect(await readdir(path.join(directory, 'pg_wal'))).toEqual(['000000020000000000000003']);
  });

  it('is hexadecimal in names', async () => {
    const directory = await dataDirectory('0000000A0000000000000003');
    await reserveTimelines(directory, 10, 13, null);
    expect((await readdir(path.join(directory, 'pg_wal'))).sort()).toEqual([
      '0000000A0000000000000003',
      '0000000B.history',
      '0000000C.history',
    ]);
  });

  it.each([
    ['nothing was reserved', [full('00000002.history'), full('000000020000000000000003')], []],
    ['the promotion never came', [full('000000010000000000000003'), empty('00000002.history')], ['00000002.history']],
    ['the promotion came', [empty('00000002.history'), full('00000003.history')], []],
    ['its WAL is there', [empty('00000002.history'), full('000000030000000000000003')], []],
  ])('%s', (_, files, unused) => {
    expect(unusedReservations(files)).toEqual(unused);
  });
});
