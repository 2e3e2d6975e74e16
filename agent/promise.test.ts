import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HowdahError } from '../control-plane/model/errors.ts';
import { PromiseStore } from './promise.ts';
import { encodePage, PAGE_BYTES } from './promise-page.ts';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'howdah-promise-'));
  file = path.join(directory, 'promise.json');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function withStore<T>(use: (store: PromiseStore) => T | Promise<T>): Promise<T> {
  const store = await PromiseStore.open(file);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/** The epoch that the next agent finds in these bytes, or `refused`. */
async function found(bytes: Buffer): Promise<number | 'refused'> {
  await writeFile(file, bytes);
  try {
    return await withStore((store) => store.epoch);
  } catch (error) {
    if (error instanceof HowdahError && error.code === 'corrupted') return 'refused';
    throw error;
  }
}

const epochs = fc.oneof(fc.integer({ min: 0, max: 200 }), fc.maxSafeNat());
const risingEpochs = fc
  .tuple(epochs, epochs)
  .filter(([a, b]) => a !== b)
  .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
const cuts = fc.oneof(fc.integer({ min: 0, max: 120 }), fc.integer({ min: 0, max: PAGE_BYTES }));

describe('PromiseStore', () => {
  it('begins at 0, rises, and is found again', async () => {
    await withStore(async (store) => {
      expect(store.epoch).toBe(0);
      await store.raise(7);
      expect(store.epoch).toBe(7);
    });
    await withStore((store) => expect(store.epoch).toBe(7));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(
      (await readFile(file, 'utf8'))
        .trim()
        .split(/\s*\n/)
        .map((line) => JSON.parse(line).epoch),
    ).toEqual([7, 7]);
  });

  it('ends at the highest epoch whatever the order, also of raises at the same time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(epochs, { minLength: 1, maxLength: 6 }), async (list) => {
        await rm(file, { force: true });
        await withStore(async (store) => {
          await Promise.all(
            list.map((epoch) => store.raise(epoch).then(() => expect(store.epoch).toBeGreaterThanOrEqual(epoch))),
          );
        });
        await withStore((store) => expect(store.epoch).toBe(Math.max(...list)));
      }),
      { numRuns: 30 },
    );
  });

  it('a crash at any byte of a write leaves the last acknowledged promise or the one being made', async () => {
    await fc.assert(
      fc.asyncProperty(risingEpochs, cuts, fc.boolean(), async ([old, next], cut, second) => {
        const torn = Buffer.concat([encodePage(next).subarray(0, cut), encodePage(old).subarray(cut)]);
        const image = second ? [encodePage(next), torn] : [torn, encodePage(old)];
        const epoch = await found(Buffer.concat(image));
        expect(second ? [next] : [old, next]).toContain(epoch);
        // What was found stays, whatever crashes next.
        await withStore((store) => expect(store.epoch).toBe(epoch));
      }),
      { numRuns: 300 },
    );
  });

  it('damage to one page at rest loses nothing', async () => {
    const noise = fc.uint8Array({ minLength: 1, maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(epochs, fc.nat(2 * PAGE_BYTES - 1), noise, async (epoch, at, bytes) => {
        const image = Buffer.concat([encodePage(epoch), encodePage(epoch)]);
        const pageEnd = at < PAGE_BYTES ? PAGE_BYTES : 2 * PAGE_BYTES;
        image.set(bytes.subarray(0, pageEnd - at), at);
        expect(await found(image)).toBe(epoch);
      }),
      { numRuns: 200 },
    );
  });

  it('a file cut at any byte is read right or refused', async () => {
    await fc.assert(
      fc.asyncProperty(epochs, fc.nat(2 * PAGE_BYTES - 1), async (epoch, length) => {
        const image = Buffer.concat([encodePage(epoch), encodePage(epoch)]).subarray(0, length);
        expect(await found(image)).toBe(length >= PAGE_BYTES ? epoch : 'refused');
      }),
      { numRuns: 200 },
    );
  });

  it('any damage at all never yields another epoch', async () => {
    await fc.assert(
      fc.asyncProperty(epochs, fc.array(fc.tuple(fc.nat(2 * PAGE_BYTES - 1), fc.nat(255))), async (epoch, damage) => {
        const image = Buffer.concat([encodePage(epoch), encodePage(epoch)]);
        for (const [at, value] of damage) image[at] = value;
        expect([epoch, 'refused']).toContain(await found(image));
      }),
      { numRuns: 200 },
    );
  });

  it('says which file is damaged and what to do', async () => {
    await writeFile(file, '');
    await expect(PromiseStore.open(file)).rejects.toMatchObject({
      code: 'corrupted',
      message: expect.stringMatching(new RegExp(`^${file} is damaged.*move the whole directory`)),
    });
  });

  it('refuses what is no epoch', async () => {
    await withStore(async (store) => {
      for (const epoch of [-1, 1.5, Number.NaN, 2 ** 53])
        await expect(store.raise(epoch)).rejects.toThrow('not an epoch');
    });
  });
});
