import { readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../test/support/temp-dir.ts';
import { parseLogLine } from './log-lines.ts';
import { putStrayWalAside, straySegments, tellsStrayWal } from './stray-wal.ts';

const MEBIBYTE = 1024 * 1024;
const LINE =
  '[1692] FATAL:  according to history file, WAL location 0/4A7E730 belongs to timeline 12, but previous recovered WAL file came from timeline 15';
const STRAY = { timeline: 15, lsn: 0x4a7e730n };
const SEGMENTS = ['0000000C0000000000000004', '0000000D0000000000000004', '0000000F0000000000000004'];

describe('WAL of a timeline that was only begun', () => {
  it('is told by PostgreSQL', () => {
    expect(tellsStrayWal(parseLogLine(LINE))).toEqual(STRAY);
    expect(tellsStrayWal(parseLogLine('[1] FATAL:  the database system is starting up'))).toBeUndefined();
    // Of what comes after the fork nothing may be touched.
    expect(tellsStrayWal(parseLogLine(LINE.replace('timeline 12', 'timeline 16')))).toBeUndefined();
  });

  it('is what an older timeline has too, up to the location', () => {
    const later = ['0000000F0000000000000005', '0000000F00000001000000FF', 'archive_status', '0000000F.history'];
    const stray = straySegments([...SEGMENTS, ...later, '0000000D0000000000000005'], STRAY, 16 * MEBIBYTE);
    expect(stray).toEqual(['0000000F0000000000000004']);
  });

  it('is nothing where it is the only one', () => {
    expect(straySegments(['0000000F0000000000000004'], STRAY, 16 * MEBIBYTE)).toEqual([]);
  });

  it('counts in segments of another size', () => {
    const names = ['0000000C000000000000004A', '0000000F000000000000004A', '0000000F000000000000004B'];
    expect(straySegments(names, STRAY, MEBIBYTE)).toEqual(['0000000F000000000000004A']);
  });

  it('is put aside, and put aside again', async () => {
    using directory = tempDir();
    const wal = path.join(directory.path, 'pg_wal');
    const aside = path.join(directory.path, 'wal.kept');
    await mkdir(wal);
    for (let time = 1; time <= 2; time++) {
      for (const name of SEGMENTS) await writeFile(path.join(wal, name), Buffer.alloc(16 * MEBIBYTE));
      expect(await putStrayWalAside(directory.path, STRAY, aside)).toEqual(['0000000F0000000000000004']);
      expect(readdirSync(wal).sort()).toEqual(SEGMENTS.slice(0, 2));
      expect(readdirSync(aside)).toEqual(['0000000F0000000000000004']);
    }
  });
});
