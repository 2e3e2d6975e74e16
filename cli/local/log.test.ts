import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TempDir, tempDir } from '../../test/support/temp-dir.ts';
import { NotYet, until } from '../../test/support/until.ts';
import { parseEntry } from './log-forward.ts';
import { LogTail } from './log-tail.ts';

let dir: TempDir;
beforeEach(() => {
  dir = tempDir();
});
afterEach(() => dir.remove());

describe('LogTail', () => {
  it('tells whole lines that are appended, of files old and new, and nothing from before', async () => {
    const old = join(dir.path, 'old.log');
    writeFileSync(old, 'before\n');
    const lines: string[] = [];
    const tail = new LogTail(dir.path, (process, line) => lines.push(`${process}: ${line}`));
    tail.start();
    try {
      appendFileSync(old, 'one\ntw');
      writeFileSync(join(dir.path, 'new.log'), 'ä\n');
      await until(() => lines.length === 2 || new NotYet(lines), { what: 'two lines' });
      appendFileSync(old, 'o\n');
    } finally {
      tail.stop();
    }
    expect(lines.sort()).toEqual(['new: ä', 'old: one', 'old: two']);
  });
});

describe('parseEntry', () => {
  it('takes a line of a logger apart', () => {
    expect(parseEntry('{"level":40,"time":1,"epoch":3,"msg":"degraded"}')).toEqual({
      level: 40,
      message: 'degraded',
      fields: { epoch: 3 },
    });
  });

  it.each(['Error: boom', '"text"', 'null', '{"msg":"no level"}'])('knows what is none: %s', (line) => {
    expect(parseEntry(line)).toBeUndefined();
  });
});
