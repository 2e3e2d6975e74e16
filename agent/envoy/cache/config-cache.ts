/**
 * Keeps on disk what Envoy accepted last, and starts an Envoy with it that finds no control plane. Envoy itself says what
 * it accepted, so nothing stands between it and the control plane, and nothing is cached that it refused.
 */
import { readFile } from 'node:fs/promises';
import { connect } from 'node:http2';
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

interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ConfigCacheOptions {
  /** Envoy's: resources.json is kept there. */
  readonly directory: string;
  /** Envoy's node id. */
  readonly node: string;
  readonly controlPlanes: readonly Address[];
  readonly admin: (path: string) => Promise<AdminAnswer>;
  /** null: a gateway, which may do all that it is told. */
  readonly standing: () => Standing | null;
  readonly clock: Clock;
  readonly log: Logger;
}

const LOOK_EACH_MS = 1_000;
const ANSWER_LIMIT_MS = 1_000;
/** One short line for each version that Envoy has: what to compare before the whole is asked for. */
const VERSIONS = '/stats?filter=%5E(cluster_manager.cds%7Clistener_manager.lds%7Ccluster%5C..*)%5C.version_text%24';

export class ConfigCache implements Component {
  readonly name = 'envoy-config-cache';
  readonly #options: ConfigCacheOptions;
  readonly #log: Logger;
  readonly #file: string;
  readonly #server: CacheServer;
  #cached: CachedResources | undefined;
  /** As Envoy told them when the cache was last compared with it, and at the last look. */
  #versions = '';
  #lastVersions = '';
  #standing = '';
  /** Envoy was started and has nothing from a control plane yet. One that has is told nothing: what is kept may be older. */
  #envoyIsNew = true;
  /** Counts Envoy's starts and ends: what was learned of one says nothing of the next. */
  #envoy = 0;
  #timer: Timer | undefined;
  #last: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: ConfigCacheOptions) {
    this.#options = options;
    this.#log = options.log.child({ component: this.name });
    this.#file = path.join(options.directory, 'resources.json');
    this.#server = new CacheServer(options);
  }

  /** Where Envoy looks while it finds no control plane; known once started. */
  get port(): number {
    return this.#server.port;
  }

  /** A cache that can't be used is told and left: Envoy then waits for the control plane. */
  async start(): Promise<void> {
    this.#cached = await this.#read();
    this.#offer();
    await this.#server.start();
    this.#look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#last;
    this.#server.close();
  }

  /** To be called when Envoy started or ended. */
  envoyChanged(): void {
    this.#envoyIsNew = true;
    this.#envoy += 1;
    this.#versions = '';
    this.#lastVersions = '';
    this.#offer();
  }

  /** To be called when the instance's standing may have changed. */
  refresh(): void {
    const standing = JSON.stringify(this.#options.standing());
    if (standing !== this.#standing) this.#offer();
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
    const heard = await Promise.all(this.#options.controlPlanes.map(answers));
    if (!heard.includes(true)) return;
    this.#log.info('control plane found; Envoy goes back to it');
    await this.#server.letGo();
  }

  async #keep(): Promise<void> {
    const { admin, node } = this.#options;
    const envoy = this.#envoy;
    const { status, body: versions } = await admin(VERSIONS);
    // What changes now, as in a failover, has the processor for itself; it is kept once it is at rest.
    const atRest = versions === this.#lastVersions;
    if (envoy !== this.#envoy) return;
    this.#lastVersions = versions;
    if (status !== 200 || versions === this.#versions || !atRest) return;
    const dump = await admin('/config_dump?include_eds');
    // Envoy began to use the cache meanwhile, which may be less than what is cached.
    if (dump.status !== 200 || this.#server.inUse || envoy !== this.#envoy) return;
    const resources = acceptedResources(JSON.parse(dump.body));
    if (resources.listeners.length === 0) return;
    const text = cacheText(node, resources);
    if (!this.#cached || text !== cacheText(node, this.#cached)) {
      await writeWhole(this.#file, text, null);
      this.#cached = resources;
      this.#log.debug({ bytes: text.length }, 'configuration cached');
    }
    // It ended while the file was written: the next one needs it.
    if (envoy !== this.#envoy) {
      this.#offer();
      return;
    }
    this.#versions = versions;
    this.#envoyIsNew = false;
    this.#offer();
  }

  #offer(): void {
    const standing = this.#options.standing();
    this.#standing = JSON.stringify(standing);
    const cached = this.#envoyIsNew ? this.#cached : undefined;
    try {
      this.#server.offer(cached && buildSnapshot(standing ? permitted(cached, standing) : { ...cached }));
    } catch (error) {
      if (!(error instanceof InvalidSnapshot)) throw error;
      // Envoy told it amid a change. It is asked again while it has a control plane; without one it waits for that.
      this.#log.warn({ reason: error.message }, 'the cached configuration is not whole');
      this.#server.offer(undefined);
    }
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

/** Whether somebody who lives answers there: a process that is frozen still accepts connections. */
function answers({ host, port }: Address): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const session = connect(`http://${host.includes(':') ? `[${host}]` : host}:${port}`);
  session.setTimeout(ANSWER_LIMIT_MS, () => resolve(false));
  session.on('error', () => resolve(false));
  const request = session.request({ ':path': '/' });
  request.on('response', () => resolve(true));
  request.on('error', () => resolve(false));
  return promise.finally(() => session.destroy());
}
