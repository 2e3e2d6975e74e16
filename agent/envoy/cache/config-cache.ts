/**
 * Keeps on disk what Envoy accepted last, and starts an Envoy with it that finds no control plane. Envoy itself says what
 * it accepted, so nothing stands between it and the control plane, and nothing is cached that it refused.
 */
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import type { Clock, Timer } from '../../../control-plane/runtime/clock.ts';
import type { Component } from '../../../control-plane/runtime/component.ts';
import type { Logger } from '../../../control-plane/runtime/logger.ts';
import { buildSnapshot, InvalidSnapshot } from '../../../xds/index.ts';
import { writeWhole } from '../../postgres/files.ts';
import type { AdminAnswer } from '../admin.ts';
import { CacheServer } from './cache-server.ts';
import { cacheText, readCacheText } from './cache-text.ts';
import { type CachedResources, permitted, type Standing } from './cached-resources.ts';
import { acceptedResources } from './config-dump.ts';

export interface ConfigCacheOptions {
  /** Envoy's: resources.json is kept there. */
  readonly directory: string;
  readonly socketPath: string;
  /** Envoy's node id. */
  readonly node: string;
  readonly controlPlane: { readonly host: string; readonly port: number };
  readonly admin: (path: string) => Promise<AdminAnswer>;
  /** null: a gateway, which may do all that it is told. */
  readonly standing: () => Standing | null;
  readonly clock: Clock;
  readonly log: Logger;
}

const LOOK_EACH_MS = 1_000;
const CONNECT_LIMIT_MS = 1_000;
/** One short line for each version that Envoy has: what to compare before the whole is asked for. */
const VERSIONS = '/stats?filter=%5E(cluster_manager.cds%7Clistener_manager.lds%7Ccluster%5C..*)%5C.version_text%24';

export class ConfigCache implements Component {
  readonly name = 'envoy-config-cache';
  readonly #options: ConfigCacheOptions;
  readonly #log: Logger;
  readonly #file: string;
  readonly #server: CacheServer;
  #cached: CachedResources | undefined;
  /** As Envoy told them when the cache was last compared with it. */
  #versions = '';
  #standing = '';
  #timer: Timer | undefined;
  #last: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: ConfigCacheOptions) {
    this.#options = options;
    this.#log = options.log.child({ component: this.name });
    this.#file = path.join(options.directory, 'resources.json');
    this.#server = new CacheServer(options);
  }

  /** A cache that can't be used is told and left: Envoy then waits for the control plane. */
  async start(): Promise<void> {
    this.#cached = await this.#read();
    await this.#offer();
    this.#look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#last;
    await this.#server.close();
  }

  /** To be called when the instance's standing may have changed. */
  refresh(): void {
    const standing = JSON.stringify(this.#options.standing());
    if (standing !== this.#standing) this.#do(() => this.#offer());
  }

  #look(): void {
    if (this.#stopped) return;
    this.#do(() => (this.#server.inUse ? this.#giveBack() : this.#keep()));
    this.#timer = this.#options.clock.after(LOOK_EACH_MS, () => this.#look());
  }

  /** One thing at a time. */
  #do(action: () => Promise<void>): void {
    this.#last = this.#last.then(async () => {
      if (this.#stopped) return;
      await action().catch((error: unknown) => this.#log.debug({ err: error }, 'the cache waits'));
    });
  }

  async #giveBack(): Promise<void> {
    if (!(await answers(this.#options.controlPlane))) return;
    this.#log.info('control plane found; Envoy goes back to it');
    await this.#server.letGo();
  }

  async #keep(): Promise<void> {
    const { admin, node } = this.#options;
    const { status, body: versions } = await admin(VERSIONS);
    if (status !== 200 || versions === this.#versions) return;
    const dump = await admin('/config_dump?include_eds');
    // Envoy began to use the cache meanwhile, which may be less than what is cached.
    if (dump.status !== 200 || this.#server.inUse) return;
    const resources = acceptedResources(JSON.parse(dump.body));
    if (resources.listeners.length === 0) return;
    // Throws for what is not whole yet: the next look finds it.
    buildSnapshot(resources);
    const text = cacheText(node, resources);
    if (!this.#cached || text !== cacheText(node, this.#cached)) {
      await writeWhole(this.#file, text, null);
      this.#cached = resources;
      await this.#offer();
      this.#log.debug({ bytes: text.length }, 'configuration cached');
    }
    this.#versions = versions;
  }

  async #offer(): Promise<void> {
    const standing = this.#options.standing();
    this.#standing = JSON.stringify(standing);
    if (!this.#cached) return;
    await this.#server.offer(buildSnapshot(standing ? permitted(this.#cached, standing) : this.#cached));
  }

  async #read(): Promise<CachedResources | undefined> {
    try {
      const resources = readCacheText(this.#options.node, await readFile(this.#file, 'utf8'));
      if (typeof resources !== 'string') {
        buildSnapshot(resources);
        return resources;
      }
      this.#log.warn({ file: this.#file, reason: resources }, 'the cached configuration is not used');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      const reason = error instanceof InvalidSnapshot ? error.message : String(error);
      this.#log.warn({ file: this.#file, reason }, 'the cached configuration is not used');
    }
    return undefined;
  }
}

/** Whether somebody accepts connections there. */
function answers(at: { readonly host: string; readonly port: number }): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ ...at, timeout: CONNECT_LIMIT_MS });
  socket.once('connect', () => resolve(true));
  socket.once('error', () => resolve(false));
  socket.once('timeout', () => resolve(false));
  return promise.finally(() => socket.destroy());
}
