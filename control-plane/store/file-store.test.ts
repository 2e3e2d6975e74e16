import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordNamed, storeContract } from '../../test/store-contract.ts';
import { captureRejection } from '../../test/support/capture-error.ts';
import { type TempDir, tempDir } from '../../test/support/temp-dir.ts';
import { HowdahError } from '../model/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import { createLogger } from '../runtime/logger.ts';
import { FileStore } from './file-store.ts';
import type { Versioned } from './store.ts';

const log = createLogger({ level: 'silent', format: 'json' });

/** A clock whose one timer is run by hand: compaction happens when a test says so. */
class HandClock implements Clock {
  #action: (() => void) | null = null;
  now = () => 0;
  wall = () => 0;
  after(_ms: number, action: () => void) {
    this.#action = action;
    return {
      cancel: () => {
        this.#action = null;
      },
    };
  }
  get armed(): boolean {
    return this.#action !== null;
  }
  fire(): void {
    const action = this.#action;
    this.#action = null;
    action?.();
  }
}

const open = (directory: string, options: { clock?: Clock; compactAtBytes?: number } = {}) =>
  FileStore.open({ directory, clock: new HandClock(), log, ...options });

storeContract('FileStore', () => {
  const directory = tempDir();
  return { open: () => open(join(directory.path, 'store')), dispose: directory.remove };
});

storeContract('FileStore that compacts after every put', () => {
  const directory = tempDir();
  return { open: () => open(directory.path, { compactAtBytes: 0 }), dispose: directory.remove };
});

describe('FileStore', () => {
  let directory: TempDir;
  beforeEach(() => {
    directory = tempDir();
  });
  afterEach(() => directory.remove());

  const journalOf = (path: string) => join(path, 'journal');

  /** A small journal, and what the store held after each of its appends, with the journal's length then. */
  async function writtenJournal(): Promise<{ bytes: Buffer; states: { end: number; clusters: Versioned[] }[] }> {
    const store = await open(directory.path, { compactAtBytes: 1024 });
    const states = [{ end: 512, clusters: await store.list() }];
    for (let revision = 0; revision < 3; revision += 1) {
      await store.put(recordNamed('orders', revision), revision);
      const bytes = await readFile(journalOf(directory.path));
      states.push({ end: bytes.findLastIndex((byte) => byte !== 0) + 1, clusters: await store.list() });
    }
    await store.close();
    return { bytes: await readFile(journalOf(directory.path)), states };
  }

  /** What a store over these journal bytes holds, or the error that it gives. */
  async function openOver(bytes: Buffer, name: string): Promise<Versioned[] | HowdahError> {
    const path = join(directory.path, name);
    await mkdir(path, { recursive: true });
    await writeFile(journalOf(path), bytes);
    try {
      const store = await open(path, { compactAtBytes: 1024 });
      const clusters = await store.list();
      await store.close();
      return clusters;
    } catch (error) {
      return HowdahError.from(error);
    }
  }

  it('never takes a damaged byte silently: the same records or an error', async () => {
    const { bytes, states } = await writtenJournal();
    const complete = states.at(-1)!;
    // journal.test.ts goes through every byte; here each sector's first, last and some byte between reach the file.
    for (let at = 0; at < complete.end; at += 73) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 0x10;
      const result = await openOver(damaged, 'damaged');
      if (result instanceof HowdahError) expect(result.code).toBe('corrupted');
      else expect(result).toEqual(complete.clusters);
    }
  }, 30_000);

  it('loses nothing acknowledged when it ends at any byte of the last append', async () => {
    const { bytes, states } = await writtenJournal();
    const [before, last] = states.slice(-2) as [(typeof states)[0], (typeof states)[0]];
    for (let end = before.end; end <= last.end; end += 37) {
      expect(await openOver(bytes.subarray(0, end), 'cut')).toEqual(before.clusters);
    }
    expect(await openOver(bytes.subarray(0, last.end), 'cut')).toEqual(last.clusters);
  }, 30_000);

  it('goes on after a torn tail as if it had not been', async () => {
    const { bytes, states } = await writtenJournal();
    const path = join(directory.path, 'torn');
    await mkdir(path);
    await writeFile(journalOf(path), bytes.subarray(0, states[3]!.end - 600));
    const store = await open(path);
    expect(await store.put(recordNamed('orders', 9), 2)).toBe(3);
    await store.close();
    const again = await open(path);
    expect((await again.get('orders'))?.record.epoch).toBe(9);
    await again.close();
  });

  it('names file, offset and what to do when the journal is damaged, and leaves it as it is', async () => {
    const { bytes, states } = await writtenJournal();
    const damaged = Buffer.from(bytes);
    damaged[states[1]!.end + 700]! ^= 1;
    await writeFile(journalOf(directory.path), damaged);
    const error = await captureRejection(open(directory.path));
    expect(error.code).toBe('corrupted');
    expect(error.message).toContain(journalOf(directory.path));
    expect(error.message).toContain(`at byte ${states[1]!.end}`);
    expect(error.message).toContain('Put an intact copy');
    expect(await readFile(journalOf(directory.path))).toEqual(damaged);
  });

  it.each([
    ['empty', Buffer.alloc(0)],
    ['all zeros', Buffer.alloc(4096)],
    ['another file', Buffer.from('#!/bin/sh\n'.repeat(100))],
  ])('refuses a journal that is %s', async (_, bytes) => {
    const result = await openOver(bytes, 'foreign');
    expect(result).toMatchObject({ code: 'corrupted' });
  });

  it('refuses a second opening, in this process and in another, and lets the next one in after a close', async () => {
    const store = await open(directory.path);
    const error = await captureRejection(open(directory.path));
    expect(error.code).toBe('failed-precondition');
    expect(error.message).toContain(`pid ${process.pid}`);
    expect(error.message).toContain('--state-dir');
    const lock = join(directory.path, 'lock');
    expect(spawnSync('flock', ['--nonblock', lock, 'true']).status).toBe(1);
    await store.close();
    await (await open(directory.path)).close();
  });

  it('compacts in a pause to a journal that says the same', async () => {
    const clock = new HandClock();
    const store = await open(directory.path, { clock, compactAtBytes: 4096 });
    let revision = 0;
    while (!clock.armed) revision = await store.put(recordNamed('orders', revision), revision);
    const before = (await readFile(journalOf(directory.path))).findLastIndex((byte) => byte !== 0);
    clock.fire();
    // A put queues behind the compaction, so when it is answered that is over.
    await store.put(recordNamed('users'), 0);
    const after = (await readFile(journalOf(directory.path))).findLastIndex((byte) => byte !== 0);
    expect(after).toBeLessThan(before);
    const clusters = await store.list();
    await store.close();
    const again = await open(directory.path);
    expect(await again.list()).toEqual(clusters);
    expect(await again.put(recordNamed('orders'), revision)).toBe(revision + 1);
    await again.close();
  });

  it('ignores and removes what an interrupted compaction left', async () => {
    const { states } = await writtenJournal();
    const left = join(directory.path, 'journal.new');
    await writeFile(left, 'half');
    const store = await open(directory.path);
    expect(await store.list()).toEqual(states.at(-1)!.clusters);
    expect(existsSync(left)).toBe(false);
    await store.close();
  });

  it('takes a journal that is gone for a lost store, and begins anew only when told so', async () => {
    await (await open(directory.path)).close();
    rmSync(journalOf(directory.path));
    const error = await captureRejection(open(directory.path));
    expect(error.code).toBe('corrupted');
    expect(error.message).toContain(`the journal ${journalOf(directory.path)} is gone`);
    // The refusal let go of the lock and left everything as it was.
    expect((await captureRejection(open(directory.path))).code).toBe('corrupted');
    rmSync(join(directory.path, 'began'));
    const store = await open(directory.path);
    expect(await store.list()).toEqual([]);
    await store.close();
  });

  it('of an earlier version, that has a journal and no marker, is taken and marked', async () => {
    await (await open(directory.path)).close();
    rmSync(join(directory.path, 'began'));
    await (await open(directory.path)).close();
    rmSync(journalOf(directory.path));
    expect((await captureRejection(open(directory.path))).code).toBe('corrupted');
  });

  it('keeps the journal from other users', async () => {
    const store = await open(directory.path);
    expect((await stat(journalOf(directory.path))).mode & 0o777).toBe(0o600);
    await store.close();
  });
});
