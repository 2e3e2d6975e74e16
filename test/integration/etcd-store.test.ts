// The shared store over a real etcd: the contract, and what it refuses.
import { randomUUID } from 'node:crypto';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterRecord } from '../../control-plane/model/cluster-record.ts';
import { systemClock } from '../../control-plane/runtime/clock.ts';
import { createLogger } from '../../control-plane/runtime/logger.ts';
import { EtcdClient } from '../../control-plane/store/etcd/client.ts';
import { EtcdStore } from '../../control-plane/store/etcd/etcd-store.ts';
import type { Condition } from '../../control-plane/store/etcd/messages.ts';
import { Watermark } from '../../control-plane/store/etcd/watermark.ts';
import { recordNamed, storeContract } from '../store-contract.ts';
import { captureRejection } from '../support/capture-error.ts';
import { EtcdServer } from '../support/etcd-server.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';
import { NotYet, until } from '../support/until.ts';

const log = createLogger({ level: 'silent', format: 'json' });
let directory: TempDir;
let etcd: EtcdServer;

beforeAll(async () => {
  directory = tempDir();
  etcd = await EtcdServer.start(directory.path);
});
afterAll(async () => {
  await etcd?.stop();
  directory.remove();
});

interface Place {
  readonly prefix: string;
  /** Of the watermark. */
  readonly file: string;
  readonly urls?: readonly string[];
  readonly fence?: () => readonly Condition[];
}

const newPlace = (): Place => {
  const id = randomUUID();
  return { prefix: `/${id}/`, file: join(directory.path, `seen-${id}`) };
};

const open: { client: EtcdClient; store: EtcdStore }[] = [];

async function openStore({ prefix, file, urls = [etcd.url], fence = () => [] }: Place): Promise<EtcdStore> {
  const client = new EtcdClient(urls);
  try {
    const watermark = Watermark.read({ file, clock: systemClock, log });
    const store = await EtcdStore.open({
      client,
      prefix,
      watermark,
      fence,
      randomId: randomUUID,
      clock: systemClock,
      log,
    });
    open.push({ client, store });
    return store;
  } catch (error) {
    client.close();
    throw error;
  }
}

afterEach(async () => {
  for (const { store, client } of open.splice(0)) {
    await store.close();
    client.close();
  }
});

storeContract('EtcdStore', () => {
  const place = newPlace();
  return { open: () => openStore(place), dispose: () => {} };
});

describe('two that share it', () => {
  let first: EtcdStore;
  let second: EtcdStore;
  beforeEach(async () => {
    const place = newPlace();
    first = await openStore(place);
    second = await openStore({ ...place, file: `${place.file}-2` });
  });

  it('see what the other put, and only one of them changes a revision', async () => {
    await first.put(recordNamed('orders', 1), 0);
    expect((await second.get('orders'))?.record.epoch).toBe(1);
    await second.put(recordNamed('orders', 2), 1);
    expect((await captureRejection(first.put(recordNamed('orders', 9), 1))).code).toBe('conflict');
    expect((await first.list()).map(({ revision, record }) => [revision, record.epoch])).toEqual([[2, 2]]);
  });

  it('hear of the changes of the other within milliseconds', async () => {
    const seen: number[] = [];
    second.watch((_, stored) => seen.push(stored?.record.epoch ?? 0));
    await first.put(recordNamed('orders', 1), 0);
    await until(() => seen.includes(1), { what: 'the first record' });
    const at = performance.now();
    await first.put(recordNamed('orders', 2), 1);
    await until(() => seen.includes(2), { what: 'the second record', intervalMs: 1 });
    expect(performance.now() - at).toBeLessThan(500);
  });
});

it('takes nothing from one that does not lead any more', async () => {
  const place = newPlace();
  const leads = await openStore(place);
  const staleKey = `${place.prefix}leader`;
  const stale = await openStore({
    ...place,
    file: `${place.file}-2`,
    fence: () => [{ kind: 'created', key: staleKey, revision: 12 }],
  });
  await leads.put(recordNamed('orders', 1), 0);
  expect(await captureRejection(stale.put(recordNamed('orders', 2), 1))).toMatchObject({
    code: 'unavailable',
    message: 'another control plane leads now: nothing was stored',
  });
  expect((await leads.get('orders'))?.record.epoch).toBe(1);
});

describe('a store that is not the one seen before is refused', () => {
  /** Of its own, as it is rolled back. */
  let own: EtcdServer;
  let ownDirectory: TempDir;
  beforeEach(async () => {
    ownDirectory = tempDir();
    own = await EtcdServer.start(ownDirectory.path);
  });
  afterEach(async () => {
    await own.stop();
    ownDirectory.remove();
  });

  const copy = () => join(ownDirectory.path, 'copy');

  /** Makes a copy of the data at epoch 1, goes on to `epochs`, and brings the copy back. */
  async function rollBack(place: Place): Promise<EtcdStore> {
    const store = await openStore(place);
    await store.put(recordNamed('orders', 1), 0);
    await own.stop();
    cpSync(own.directory, copy(), { recursive: true });
    await own.start();
    for (let epoch = 2; epoch < 6; epoch += 1) {
      const revision = epoch - 1;
      await until(() => store.put(recordNamed('orders', epoch), revision), { what: 'a put' });
    }
    await own.stop();
    rmSync(own.directory, { recursive: true });
    cpSync(copy(), own.directory, { recursive: true });
    await own.start();
    return store;
  }

  const refusal = async (attempt: () => Promise<unknown>) =>
    until(
      async () => {
        const error = await captureRejection(attempt());
        return error.code === 'corrupted' ? error.message : new NotYet(error.message);
      },
      { what: 'a refusal' },
    );

  it('while it runs, by reads and by puts, for good', async () => {
    const place = { ...newPlace(), urls: [own.url] };
    const store = await rollBack(place);
    const message = await refusal(() => store.get('orders'));
    expect(message).toMatch(/its revision \d+ is below \d+, which was seen before: it was rolled back/);
    expect((await captureRejection(store.put(recordNamed('orders', 6), 1))).code).toBe('corrupted');
    expect((await captureRejection(store.list())).code).toBe('corrupted');
  });

  it('after a restart of the control plane', async () => {
    const place = { ...newPlace(), urls: [own.url] };
    await (await rollBack(place)).close();
    expect(await refusal(() => openStore(place))).toContain('it was rolled back');
  });

  it('when it was emptied', async () => {
    const place = { ...newPlace(), urls: [own.url] };
    const store = await openStore(place);
    await store.put(recordNamed('orders', 1), 0);
    await store.close();
    await own.stop();
    rmSync(own.directory, { recursive: true });
    await own.start();
    // Others filled it beyond what was seen.
    const other = await openStore({ ...newPlace(), urls: [own.url] });
    for (let epoch = 0; epoch < 9; epoch += 1) await other.put(recordNamed('orders', epoch), epoch);
    expect(await refusal(() => openStore(place))).toContain('it is empty, and held records before');
    const refilled = await openStore({ ...place, file: `${place.file}-anew` });
    await refilled.put(recordNamed('orders', 1), 0);
    expect(await refusal(() => openStore(place))).toContain('it was filled anew by somebody');
  });

  it('and a put on a store that was filled anew under it changes nothing', async () => {
    const place = { ...newPlace(), urls: [own.url] };
    const store = await openStore(place);
    await own.stop();
    rmSync(own.directory, { recursive: true });
    await own.start();
    const other = await openStore({ ...place, file: `${place.file}-anew` });
    for (let epoch = 0; epoch < 9; epoch += 1) await other.put(recordNamed('users', epoch), epoch);
    expect(await refusal(() => store.put(recordNamed('orders', 2), 0))).toContain('it was filled anew by somebody');
    expect(await other.get('orders')).toBeUndefined();
  });
});

it('says which file is damaged', async () => {
  const place = newPlace();
  writeFileSync(place.file, '{"identity"');
  const error = await captureRejection(openStore(place));
  expect(error).toMatchObject({ code: 'corrupted' });
  expect(error.message).toContain(place.file);
});

describe('etcd away', () => {
  it('is told by name, and the store goes on when it is back', async () => {
    using ownDirectory = tempDir();
    const own = await EtcdServer.start(ownDirectory.path);
    try {
      const store = await openStore({ ...newPlace(), urls: [own.url] });
      await store.put(recordNamed('orders', 1), 0);
      const seen = new Map<string, ClusterRecord>();
      store.watch((name, stored) => stored && seen.set(name, stored.record));
      await own.stop('SIGKILL');
      const error = await captureRejection(store.get('orders'));
      expect(error).toMatchObject({ code: 'unavailable' });
      expect(error.message).toContain(`etcd at ${own.url} does not answer`);
      await own.start();
      await until(() => store.put(recordNamed('orders', 2), 1), { what: 'a put' });
      await until(() => seen.get('orders')?.epoch === 2, { what: 'the watch to go on' });
      await store.close();
    } finally {
      await own.stop();
    }
  });

  it('in one member leads to the next one', async () => {
    const store = await openStore({ ...newPlace(), urls: ['http://127.0.0.1:1', etcd.url] }).catch(() =>
      openStore({ ...newPlace(), urls: [etcd.url, 'http://127.0.0.1:1'] }),
    );
    expect(await store.put(recordNamed('orders', 1), 0)).toBe(1);
  });

  it('frozen is given up within two seconds', async () => {
    using ownDirectory = tempDir();
    const own = await EtcdServer.start(ownDirectory.path);
    try {
      const store = await openStore({ ...newPlace(), urls: [own.url, etcd.url] });
      own.signal('SIGSTOP');
      const at = performance.now();
      expect((await captureRejection(store.get('orders'))).code).toBe('unavailable');
      expect(performance.now() - at).toBeLessThan(2000);
    } finally {
      await own.stop('SIGKILL');
    }
  });
});
