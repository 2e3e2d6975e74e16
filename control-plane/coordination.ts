/** Where the records are and who decides: a store of one's own, or etcd that several control planes share. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { ControlPlaneStatus } from './api/contract.ts';
import type { Peers } from './api/peers.ts';
import type { MainOptions } from './main-options.ts';
import { HowdahError } from './model/errors.ts';
import type { Clock } from './runtime/clock.ts';
import type { Component } from './runtime/component.ts';
import { FileLock } from './runtime/file-lock.ts';
import type { Logger } from './runtime/logger.ts';
import { EtcdClient } from './store/etcd/client.ts';
import { Election } from './store/etcd/election.ts';
import { EtcdStore } from './store/etcd/etcd-store.ts';
import { Watermark } from './store/etcd/watermark.ts';
import { FileStore } from './store/file-store.ts';
import { ALONE, type Leadership } from './store/leadership.ts';
import type { Store } from './store/store.ts';

export interface Coordination {
  readonly store: Store;
  readonly leadership: Leadership;
  readonly peers: Peers;
  /** Starts last: whoever leads serves. null: there is nobody to elect. */
  readonly election: Component | null;
  close(): Promise<void>;
}

export interface CoordinationOptions {
  readonly options: Pick<MainOptions, 'stateDir' | 'name' | 'storeDir' | 'etcd'>;
  /** Asked when it is known where this control plane listens. */
  readonly self: () => ControlPlaneStatus;
  readonly onTerm: (term: number | null) => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** Gives up waiting for a store that is away. */
  readonly stop: AbortSignal;
}

/** Begins all keys in etcd. */
const PREFIX = '/howdah/v1/';
const OPEN_RETRY_MS = 500;

/**
 * Waits for an etcd that does not answer: without the records no proxy may be told anything.
 * @throws HowdahError as FileStore.open and EtcdStore.open; `unavailable` when it is stopped while it waits.
 */
export async function coordinate(parts: CoordinationOptions): Promise<Coordination> {
  const { clock, options, self } = parts;
  const log = parts.log.child({ component: 'store' });
  if (options.etcd.length > 0) return shared(parts, log);
  const store = await FileStore.open({ directory: options.storeDir, clock, log });
  return {
    ...{ store, leadership: ALONE, election: null },
    peers: { leads: () => true, leader: self, all: async () => [self()] },
    close: () => store.close(),
  };
}

async function shared(parts: CoordinationOptions, log: Logger): Promise<Coordination> {
  const { clock, options, self, onTerm } = parts;
  const { stateDir, name } = options;
  const lock = FileLock.acquire(join(stateDir, `${name}.lock`), (holder) => {
    const who = holder === '' ? 'another process' : `the process with pid ${holder}`;
    return `${who} is the control plane ${name} of ${stateDir}: stop it first, or give another --name or --state-dir`;
  });
  const client = new EtcdClient(options.etcd);
  const bootId = randomUUID();
  const election = new Election({
    ...{ client, prefix: PREFIX, clock, onTerm },
    candidate: () => ({ ...self(), bootId }),
    log: parts.log.child({ component: 'election' }),
  });
  try {
    const watermark = Watermark.read({ file: join(stateDir, `${name}.store-seen.json`), clock, log });
    const fence = () => election.fence();
    const open = () => EtcdStore.open({ client, prefix: PREFIX, watermark, fence, randomId: randomUUID, clock, log });
    const store = await whenAvailable(open, parts, log);
    return {
      ...{ store, leadership: election, election },
      peers: { leads: () => election.term() !== null, leader: () => election.leader, all: () => election.candidates() },
      async close() {
        await store.close();
        client.close();
        lock.release();
      },
    };
  } catch (error) {
    client.close();
    lock.release();
    throw error;
  }
}

async function whenAvailable<T>(open: () => Promise<T>, { clock, stop }: CoordinationOptions, log: Logger): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await open();
    } catch (thrown) {
      const error = HowdahError.from(thrown);
      if (error.code !== 'unavailable' || stop.aborted) throw error;
      if (attempt % 10 === 0)
        log.error({ reason: error.message }, 'waiting for the store: nothing is served without it');
    }
    await new Promise<void>((resolve) => void clock.after(OPEN_RETRY_MS, resolve));
  }
}
