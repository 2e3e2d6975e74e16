/**
 * Who of several control planes leads. Each keeps a lease at etcd alive; the one whose key `leader` hangs on its lease
 * leads, until the lease ends. The revision at which the key came into being is the term: every change of a record is
 * conditional on it (fence), so whoever lost the lead without noticing can't write. What is done without a change of the
 * store is done only while term() says so: the lease as counted from before it was asked for, and less, so that it is
 * over here before it can be over there.
 */
import { HowdahError } from '../../model/errors.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import type { Component } from '../../runtime/component.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Leadership } from '../leadership.ts';
import { type Candidate, parseCandidate } from './candidate.ts';
import type { EtcdClient } from './client.ts';
import type { Condition, Stored } from './messages.ts';

export interface ElectionOptions {
  readonly client: EtcdClient;
  /** Begins all keys, ends with '/'. */
  readonly prefix: string;
  /** Asked when it starts: addresses are known by then. */
  readonly candidate: () => Candidate;
  /** It leads in this term from now on; null: it does not any more. */
  readonly onTerm: (term: number | null) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * A leader that dies is replaced within this and half a second, in which etcd looks for leases that ended. etcd grants
 * no shorter one with its default settings.
 */
const LEASE_SECONDS = 2;
/** Clocks differ in speed by far less than the rest. */
const USED_SHARE = 0.9;
const TICK_MS = 200;

interface Lease {
  readonly id: string;
  /** Ends for us. */
  readonly until: number;
}

export class Election implements Component, Leadership {
  readonly name = 'election';
  readonly #options: ElectionOptions;
  #candidate: Candidate | null = null;
  #lease: Lease | null = null;
  /** Of the key that hangs on our lease. */
  #held: number | null = null;
  #told: number | null = null;
  #leader: Candidate | null = null;
  #timer: Timer | null = null;
  #ticking: Promise<void> = Promise.resolve();
  #stopped = false;
  #failing = false;

  constructor(options: ElectionOptions) {
    this.#options = options;
  }

  term(): number | null {
    if (this.#held === null || this.#lease === null || this.#stopped) return null;
    return this.#options.clock.now() < this.#lease.until ? this.#held : null;
  }

  /** Who leads as far as known here; null: nobody, or the store can't be asked. */
  get leader(): Candidate | null {
    const isOver = this.#leader?.bootId === this.#candidate?.bootId && this.term() === null;
    return this.#failing || isOver ? null : this.#leader;
  }

  /**
   * To be compared in every change of the store.
   * @throws HowdahError `unavailable` when this control plane does not lead
   */
  fence(): readonly Condition[] {
    const term = this.term();
    if (term === null) throw new HowdahError('unavailable', 'this control plane does not lead: nothing was stored');
    return [{ kind: 'created', key: this.#leaderKey, revision: term }];
  }

  /** All that are alive, by name. @throws HowdahError `unavailable` */
  async candidates(): Promise<Candidate[]> {
    const { found } = await this.#options.client.range({ prefix: this.#presence('') });
    return found.map(({ value }) => parseCandidate(value)).filter((one) => one !== undefined);
  }

  /** Resolves when it is known who leads, or that the store can't be asked. */
  async start(): Promise<void> {
    this.#candidate = this.#options.candidate();
    this.#begin();
    await this.#ticking;
  }

  /** Gives the lead up, so that the next one need not wait for the lease's end. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#timer?.cancel();
    this.#tell();
    await this.#ticking;
    // Not answered: then it ends by itself.
    if (this.#lease) await this.#options.client.revokeLease(this.#lease.id).catch(() => {});
  }

  #begin(): void {
    this.#ticking = this.#tick().finally(() => {
      if (!this.#stopped) this.#timer = this.#options.clock.after(TICK_MS, () => this.#begin());
    });
  }

  async #tick(): Promise<void> {
    const { log } = this.#options;
    this.#tell();
    try {
      this.#lease = this.#lease ? await this.#renewed(this.#lease) : await this.#granted();
      if (this.#lease && !this.#stopped) await this.#campaign(this.#lease);
      this.#failing = false;
    } catch (error) {
      const level = this.#failing ? 'debug' : 'error';
      this.#failing = true;
      log[level]({ reason: HowdahError.from(error).message }, 'the store can not be asked who leads');
    }
    this.#tell();
  }

  async #granted(): Promise<Lease> {
    const { client, clock } = this.#options;
    const askedAt = clock.now();
    const { id, seconds } = await client.grantLease(LEASE_SECONDS);
    const candidate = this.#candidate!;
    const key = this.#presence(candidate.name);
    const put = { kind: 'put', key, value: JSON.stringify(candidate), lease: id } as const;
    await client.transaction({ when: [], success: [put], failure: [] });
    return { id, until: askedAt + seconds * 1000 * USED_SHARE };
  }

  /** null: it has ended, and the lead with it. */
  async #renewed({ id }: Lease): Promise<Lease | null> {
    const { client, clock } = this.#options;
    const askedAt = clock.now();
    const seconds = await client.renewLease(id);
    if (seconds > 0) return { id, until: askedAt + seconds * 1000 * USED_SHARE };
    this.#held = null;
    return null;
  }

  async #campaign(lease: Lease): Promise<void> {
    const { client } = this.#options;
    const key = this.#leaderKey;
    const [found] = (await client.range({ key })).found;
    if (found) return this.#acknowledge(found);
    this.#held = null;
    const { success, holder } = await this.#claim(lease);
    if (holder) this.#acknowledge(holder);
    if (success) this.#options.log.info({ term: this.#held }, 'this control plane leads');
  }

  async #claim(lease: Lease): Promise<{ readonly success: boolean; readonly holder: Stored | undefined }> {
    const key = this.#leaderKey;
    const value = JSON.stringify(this.#candidate);
    const { succeeded, found } = await this.#options.client.transaction({
      when: [{ kind: 'version', key, version: 0 }],
      success: [
        { kind: 'put', key, value, lease: lease.id },
        { kind: 'get', key },
      ],
      failure: [
        { kind: 'get', key },
        { kind: 'get', key },
      ],
    });
    return { success: succeeded, holder: found[1] };
  }

  #acknowledge(stored: Stored): void {
    const own = this.#candidate!;
    const leader = parseCandidate(stored.value) ?? null;
    if (leader?.bootId !== this.#leader?.bootId) this.#options.log.info({ leader: leader?.name }, 'who leads changed');
    this.#leader = leader;
    this.#held = leader?.bootId === own.bootId && stored.lease === this.#lease?.id ? stored.createRevision : null;
    // An earlier run of this very control plane: it has ended, or this one had not started.
    if (leader?.name === own.name && leader.bootId !== own.bootId) void this.#succeed(stored);
  }

  async #succeed(predecessor: Stored): Promise<void> {
    const key = this.#leaderKey;
    const when = [{ kind: 'created', key, revision: predecessor.createRevision }] as const;
    // Not answered: then its lease ends by itself.
    await this.#options.client
      .transaction({ when, success: [{ kind: 'delete', key }], failure: [] })
      .catch(() => undefined);
  }

  #tell(): void {
    const term = this.term();
    if (term === this.#told) return;
    if (term === null) this.#options.log.warn({ term: this.#told }, 'this control plane does not lead any more');
    this.#told = term;
    this.#options.onTerm(term);
  }

  get #leaderKey(): string {
    return `${this.#options.prefix}leader`;
  }

  #presence(name: string): string {
    return `${this.#options.prefix}control-planes/${name}`;
  }
}
