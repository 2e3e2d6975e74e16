/**
 * The shared store: records in etcd, one key a cluster. A key's version is the record's revision. Each change is one
 * transaction that compares three things at once: the record's revision, that this control plane still leads, and that
 * the store is the one that was seen before. So whoever was frozen, cut off or rolled back under can't write.
 */
import type { ClusterRecord } from '../../model/cluster-record.ts';
import { HowdahError } from '../../model/errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { recordFromJson, recordToJson } from '../record-json.ts';
import type { Store, StoreListener, Versioned } from '../store.ts';
import type { EtcdClient, Header, TransactionAnswer } from './client.ts';
import { Follower } from './follower.ts';
import type { Condition, Keys, Operation, Stored } from './messages.ts';
import type { Watermark } from './watermark.ts';

export interface EtcdStoreOptions {
  readonly client: EtcdClient;
  /** Begins all keys, ends with '/'. */
  readonly prefix: string;
  readonly watermark: Watermark;
  /**
   * What else must hold for a change: that this control plane leads.
   * @throws HowdahError `unavailable` when it is known not to
   */
  readonly fence: () => readonly Condition[];
  /** For the identity of a store that has none. */
  readonly randomId: () => string;
  readonly clock: Clock;
  readonly log: Logger;
}

export class EtcdStore implements Store {
  readonly #options: EtcdStoreOptions;
  readonly #followers = new Set<Follower>();
  readonly #changing = new Set<Promise<unknown>>();
  /** Why nothing is read or written any more. */
  #refused: HowdahError | null = null;
  #closed = false;

  private constructor(options: EtcdStoreOptions) {
    this.#options = options;
  }

  /**
   * @throws HowdahError `unavailable` while etcd does not answer; `corrupted` for a store that was rolled back or
   * replaced since this control plane saw it.
   */
  static async open(options: EtcdStoreOptions): Promise<EtcdStore> {
    const store = new EtcdStore(options);
    await store.#identify();
    return store;
  }

  async get(name: string): Promise<Versioned | undefined> {
    const { found } = await this.#range({ key: this.#keyOf(name) });
    return found[0] && versioned(found[0]);
  }

  /** Ordered by name. */
  async list(): Promise<Versioned[]> {
    return (await this.#range(this.#records)).found.map(versioned);
  }

  async put(record: ClusterRecord, expected: number): Promise<number> {
    const { name } = record.spec;
    const value = JSON.stringify(recordToJson(record));
    await this.#change(name, expected, { kind: 'put', key: this.#keyOf(name), value, lease: '0' });
    return expected + 1;
  }

  async remove(name: string, expected: number): Promise<void> {
    await this.#change(name, expected, { kind: 'delete', key: this.#keyOf(name) });
  }

  watch(listener: StoreListener): () => void {
    const { client, clock, log } = this.#options;
    const follower = new Follower({
      read: () => this.#range(this.#records),
      readKeys: () => this.#range(this.#records, 'keys'),
      open: (revision, handlers) => client.watch(this.#records, revision, handlers),
      moveOn: () => client.moveOn(),
      onChange: (stored) => this.#deliver(listener, stored),
      ...{ clock, log },
    });
    this.#followers.add(follower);
    follower.start();
    return () => {
      this.#followers.delete(follower);
      follower.stop();
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const follower of this.#followers) follower.stop();
    await Promise.allSettled(this.#changing);
    await this.#options.watermark.close();
  }

  get #records(): Keys {
    return { prefix: `${this.#options.prefix}clusters/` };
  }

  #keyOf(name: string): string {
    return `${this.#options.prefix}clusters/${name}`;
  }

  get #identityKey(): string {
    return `${this.#options.prefix}identity`;
  }

  #deliver(listener: StoreListener, stored: Stored): void {
    const name = stored.key.slice(this.#keyOf('').length);
    try {
      listener(name, stored.version === 0 ? undefined : versioned(stored));
    } catch (thrown) {
      const error = HowdahError.from(thrown);
      if (error.code !== 'corrupted') throw error;
      this.#options.log.error({ cluster: name, err: error }, 'a record in the store can not be read: it is left out');
    }
  }

  async #change(name: string, expected: number, operation: Operation): Promise<void> {
    const { fence } = this.#options;
    const { key } = operation;
    const mine: Condition = { kind: 'version', key, version: expected };
    const answer = await this.#transaction([this.#sameStore(), mine, ...fence()], [operation], key);
    if (answer.succeeded) return;
    const [identity, current] = answer.found;
    this.#checkIdentity(identity);
    const revision = current?.version ?? 0;
    if (revision !== expected) {
      throw new HowdahError('conflict', `cluster ${name} is at revision ${revision}, not at ${expected}`);
    }
    throw new HowdahError('unavailable', 'another control plane leads now: nothing was stored');
  }

  #sameStore(): Condition {
    const { seen } = this.#options.watermark;
    if (!seen) throw new HowdahError('internal', 'the store is changed before it was identified');
    return { kind: 'value', key: this.#identityKey, value: seen.identity };
  }

  async #transaction(
    when: readonly Condition[],
    success: readonly Operation[],
    key: string,
  ): Promise<TransactionAnswer> {
    const failure: Operation[] = [
      { kind: 'get', key: this.#identityKey },
      { kind: 'get', key },
    ];
    const change = this.#checked(() => this.#options.client.transaction({ when, success, failure }));
    this.#changing.add(change);
    try {
      return await change;
    } finally {
      this.#changing.delete(change);
    }
  }

  #range(keys: Keys, what: 'all' | 'keys' = 'all') {
    return this.#checked(() => this.#options.client.range(keys, what));
  }

  /** Every answer is looked at: it may be of a store that was rolled back meanwhile. */
  async #checked<Answer extends { readonly header: Header }>(ask: () => Promise<Answer>): Promise<Answer> {
    this.#throwIfUnusable();
    const { watermark } = this.#options;
    const floor = watermark.revision;
    const answer = await ask();
    this.#throwIfUnusable('answered');
    try {
      watermark.check(answer.header, floor);
    } catch (error) {
      throw this.#refuse(HowdahError.from(error));
    }
    return answer;
  }

  #throwIfUnusable(when: 'asked' | 'answered' = 'asked'): void {
    if (this.#refused) throw this.#refused;
    // What was under way when it was closed still gets its answer.
    if (this.#closed && when === 'asked') throw new HowdahError('unavailable', 'the store is closed');
  }

  #refuse(error: HowdahError): HowdahError {
    if (!this.#refused) this.#options.log.fatal({ err: error }, 'store refused: nothing is decided');
    this.#refused ??= error;
    return this.#refused;
  }

  /** Reads who the store is; gives one that is new its identity. */
  async #identify(): Promise<void> {
    const { client, watermark, randomId } = this.#options;
    const key = this.#identityKey;
    if (watermark.seen) {
      this.#checkIdentity((await this.#range({ key })).found[0]);
      return;
    }
    const { header, found } = await client.transaction({
      when: [{ kind: 'version', key, version: 0 }],
      success: [
        { kind: 'put', key, value: randomId(), lease: '0' },
        { kind: 'get', key },
      ],
      failure: [
        { kind: 'get', key },
        { kind: 'get', key },
      ],
    });
    const identity = found[1];
    if (!identity) throw new HowdahError('internal', 'etcd does not give back what was put in the same transaction');
    watermark.adopt(identity.value, header);
  }

  #checkIdentity(found: Stored | undefined): void {
    const { watermark } = this.#options;
    if (found?.value === watermark.seen?.identity) return;
    const what = found ? 'it was filled anew by somebody' : 'it is empty, and held records before';
    throw this.#refuse(watermark.refusal(what));
  }
}

function versioned(stored: Stored): Versioned {
  let json: unknown;
  try {
    json = JSON.parse(stored.value);
  } catch (cause) {
    throw new HowdahError('corrupted', `the store's key ${stored.key} holds no JSON`, { cause });
  }
  return { record: recordFromJson(json), revision: stored.version };
}
