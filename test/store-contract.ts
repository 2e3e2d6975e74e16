// What every Store must do. Each implementation's test calls storeContract with a way to open it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterRecord } from '../control-plane/model/cluster-record.ts';
import type { Store } from '../control-plane/store/store.ts';
import { buildRecord, buildSpec } from './support/build-record.ts';
import { captureRejection } from './support/capture-error.ts';
import { NotYet, until } from './support/until.ts';

/** One place that a store keeps its records in; made anew for each test. */
export interface StoreHome {
  /** Opens a store over what the place holds; at most one is open at a time. */
  open(): Promise<Store>;
  dispose(): void | Promise<void>;
}

export function recordNamed(name: string, epoch = 1): ClusterRecord {
  return buildRecord({ spec: buildSpec({ name }), epoch });
}

export function storeContract(name: string, makeHome: () => StoreHome): void {
  describe(`${name} keeps the store's contract`, () => {
    let home: StoreHome;
    let store: Store;

    beforeEach(async () => {
      home = makeHome();
      store = await home.open();
    });
    afterEach(async () => {
      await store.close();
      await home.dispose();
    });

    async function reopen(): Promise<void> {
      await store.close();
      store = await home.open();
    }

    it('is empty at first', async () => {
      expect(await store.list()).toEqual([]);
      expect(await store.get('orders')).toBeUndefined();
    });

    it('gives back what was put, at the revision that put answered', async () => {
      const record = recordNamed('orders');
      expect(await store.put(record, 0)).toBe(1);
      expect(await store.get('orders')).toEqual({ record, revision: 1 });
    });

    it('raises the revision with each put', async () => {
      for (let revision = 0; revision < 5; revision += 1) {
        expect(await store.put(recordNamed('orders', revision), revision)).toBe(revision + 1);
      }
      expect((await store.get('orders'))?.record.epoch).toBe(4);
    });

    it.each([0, 1, 3])('refuses a put at revision %i where 2 is stored, and changes nothing', async (expected) => {
      await store.put(recordNamed('orders', 1), 0);
      await store.put(recordNamed('orders', 2), 1);
      const error = await captureRejection(store.put(recordNamed('orders', 9), expected));
      expect(error.code).toBe('conflict');
      expect(await store.get('orders')).toEqual({ record: recordNamed('orders', 2), revision: 2 });
    });

    it('refuses to change what does not exist', async () => {
      expect((await captureRejection(store.put(recordNamed('orders'), 1))).code).toBe('conflict');
      expect((await captureRejection(store.remove('orders', 1))).code).toBe('conflict');
      expect(await store.list()).toEqual([]);
    });

    it('removes at the stored revision only, and starts anew after it', async () => {
      await store.put(recordNamed('orders', 7), 0);
      expect((await captureRejection(store.remove('orders', 2))).code).toBe('conflict');
      await store.remove('orders', 1);
      expect(await store.get('orders')).toBeUndefined();
      expect(await store.put(recordNamed('orders', 8), 0)).toBe(1);
    });

    it('lists all, ordered by name', async () => {
      for (const each of ['b', 'c', 'a']) await store.put(recordNamed(each), 0);
      expect((await store.list()).map(({ record }) => record.spec.name)).toEqual(['a', 'b', 'c']);
    });

    it('holds all of it when opened again', async () => {
      await store.put(recordNamed('orders', 1), 0);
      await store.put(recordNamed('orders', 2), 1);
      await store.put(recordNamed('gone'), 0);
      await store.put(recordNamed('users'), 0);
      await store.remove('gone', 1);
      const before = await store.list();
      await reopen();
      expect(await store.list()).toEqual(before);
      expect(await store.put(recordNamed('orders', 3), 2)).toBe(3);
    });

    it('lets one of several concurrent puts win', async () => {
      await store.put(recordNamed('orders', 0), 0);
      const attempts = Array.from({ length: 8 }, (_, index) => store.put(recordNamed('orders', index + 1), 1));
      const settled = await Promise.allSettled(attempts);
      const winners = settled.flatMap(({ status }, index) => (status === 'fulfilled' ? [index + 1] : []));
      expect(winners).toHaveLength(1);
      expect(await store.get('orders')).toEqual({ record: recordNamed('orders', winners[0]), revision: 2 });
    });

    it('takes concurrent puts of different clusters', async () => {
      const names = Array.from({ length: 20 }, (_, index) => `c${index}`);
      await Promise.all(names.map((each) => store.put(recordNamed(each), 0)));
      await reopen();
      expect((await store.list()).map(({ record }) => record.spec.name)).toEqual(names.sort());
    });

    it('tells a watcher what is there, then every cluster that changes', async () => {
      await store.put(recordNamed('orders', 1), 0);
      const seen = new Map<string, number>();
      const stop = store.watch((each, stored) => {
        if (stored) seen.set(each, stored.record.epoch);
        else seen.delete(each);
      });
      const sees = (epochs: Record<string, number>) =>
        until(
          () => JSON.stringify(Object.fromEntries([...seen].sort())) === JSON.stringify(epochs) || new NotYet(seen),
          {
            what: `a watcher to see ${JSON.stringify(epochs)}`,
          },
        );
      await sees({ orders: 1 });
      await store.put(recordNamed('orders', 2), 1);
      await store.put(recordNamed('users', 7), 0);
      await sees({ orders: 2, users: 7 });
      await store.remove('orders', 2);
      await store.put(recordNamed('users', 8), 1);
      await sees({ users: 8 });
      stop();
      await store.put(recordNamed('users', 9), 2);
      await store.get('users');
      expect(seen.get('users')).toBe(8);
    });

    it('finishes what was put before it closes, and takes nothing after', async () => {
      const last = store.put(recordNamed('orders'), 0);
      await store.close();
      await last;
      expect((await captureRejection(store.put(recordNamed('users'), 0))).code).toBe('unavailable');
      store = await home.open();
      expect((await store.list()).map(({ record }) => record.spec.name)).toEqual(['orders']);
    });
  });
}
