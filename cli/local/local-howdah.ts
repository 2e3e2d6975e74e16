/**
 * A running Howdah on one machine: the control plane, an agent for each instance and the gateway, as children of this
 * process. Starts them in order, keeps them running, stops them in order.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiClient } from '../../control-plane/api/client.ts';
import type { ClusterStatus, ControlPlaneStatus } from '../../control-plane/api/contract.ts';
import { HowdahError } from '../../control-plane/model/errors.ts';
import type { Clock } from '../../control-plane/runtime/clock.ts';
import type { FileLock } from '../../control-plane/runtime/file-lock.ts';
import type { Logger, LogLevel } from '../../control-plane/runtime/logger.ts';
import { readControlPlaneFile } from '../connection.ts';
import { type AgentSurroundings, gatewayFile, writeConfig } from './agent-files.ts';
import type { ChildExit, SupervisedChild } from './child.ts';
import { ChildSet } from './child-set.ts';
import { etcdFlags } from './etcd-flags.ts';
import type { StateLayout } from './layout.ts';
import { AGENT_STOP_LIMIT_MS, LocalAgents } from './local-agents.ts';
import { ERROR_LEVEL, forwardLine, parseEntry } from './log-forward.ts';
import { LogTail } from './log-tail.ts';
import { readPassword } from './passwords.ts';
import { type GivenCluster, type PlaceTools, withPorts } from './place.ts';
import type { LocalPlacements } from './placements.ts';
import { LOOPBACK } from './ports.ts';
import { Findings, missingCluster, type Programs, shrinkProblem } from './preflight.ts';
import { takesWrites } from './probe.ts';
import type { ShortDirectories } from './short-directories.ts';
import { type StoreChoice, storeFlag } from './store-choice.ts';

/** No instance has such a name: theirs end with a number. */
const CONTROL_PLANE_NAMES: readonly string[] = [
  'control-plane',
  ...['b', 'c', 'd', 'e'].map((letter) => `control-plane-${letter}`),
];
const ETCD = 'etcd';
const OTHER_STOP_LIMIT_MS = 5_000;
const CONTROL_PLANE_LIMIT_MS = 20_000;
const FIRST_AGENTS_LIMIT_MS = 5_000;
const POLL_MS = 50;
/** So many quick deaths in a row before anything was ready: it will not get better by itself. */
const HOPELESS_EXITS = 5;
/** Exit codes that say the same at each try: wrong input, a damaged file, a missing program. */
const HOPELESS_CODES: ReadonlySet<number | null> = new Set([2, 9, 10]);

/** All that was decided before the first process: see prepareLocal. */
export interface LocalPlan {
  readonly layout: StateLayout;
  readonly lock: FileLock;
  readonly clusters: readonly GivenCluster[];
  readonly placements: LocalPlacements;
  /** For instances that join later. */
  readonly tools: PlaceTools;
  readonly directories: ShortDirectories;
  readonly programs: Programs;
  readonly store: StoreChoice;
}

export interface LocalOptions {
  readonly clock: Clock;
  /** For the person at the terminal: also gets the children's lines. */
  readonly log: Logger;
  /** Of the children's own logs, in files. */
  readonly childLogLevel: LogLevel;
  apiClient(baseUrl: string | readonly string[]): ApiClient;
  /** Told what is being waited for while it starts. */
  onProgress?(text: string): void;
}

export interface ChildProcessStatus {
  /** `control-plane`, `gateway` or the name of an instance (its agent). */
  readonly name: string;
  /** 0 while it does not run. */
  readonly pid: number;
}

type Life = 'new' | 'starting' | 'ready' | 'stopping' | 'stopped';

export class LocalHowdah {
  readonly #plan: LocalPlan;
  readonly #options: LocalOptions;
  readonly #children: ChildSet;
  readonly #tail: LogTail;
  readonly #failed = Promise.withResolvers<never>();
  #agents: LocalAgents | undefined;
  #life: Life = 'new';
  #stopped: Promise<void> | undefined;

  constructor(plan: LocalPlan, options: LocalOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#children = new ChildSet({
      layout: plan.layout,
      clock: options.clock,
      log: options.log,
      onUnexpectedExit: (child, exit, quickExits) => this.#onUnexpectedExit(child, exit, quickExits),
    });
    this.#tail = new LogTail(plan.layout.logDirectory, (process, line) => this.#onLine(process, line));
    // Raced against each step of start(); a failure between two steps is no unhandled one.
    this.#failed.promise.catch(() => undefined);
  }

  get stateDirectory(): string {
    return this.#plan.layout.directory;
  }

  get children(): readonly ChildProcessStatus[] {
    return this.#children.children.map(({ name, pid }) => ({ name, pid }));
  }

  /** A client of the control plane. @throws HowdahError `unavailable` while it has not told its address. */
  api(): ApiClient {
    const found = this.#controlPlanes.map(({ file }) => readControlPlaneFile(file)).filter((one) => one !== undefined);
    if (found.length === 0) throw new HowdahError('unavailable', 'the control plane is starting');
    return this.#options.apiClient(found.map(({ api }) => api));
  }

  status(): Promise<{ controlPlane: ControlPlaneStatus; clusters: ClusterStatus[] }> {
    return this.api().status();
  }

  /** The password of role postgres; undefined with auth trust. */
  password(cluster: string): string | undefined {
    const given = this.#plan.clusters.find(({ spec }) => spec.name === cluster);
    if (given?.spec.postgres.auth !== 'scram') return undefined;
    return readPassword(this.#plan.layout.passwordFile(cluster));
  }

  /**
   * Resolves when every cluster takes writes through its rw endpoint.
   * @throws HowdahError when a process can't be kept running or stop() was called meanwhile; call stop() then.
   */
  async start(): Promise<void> {
    this.#life = 'starting';
    mkdirSync(this.#plan.layout.logDirectory, { recursive: true, mode: 0o700 });
    this.#tail.start();
    if (this.#plan.programs.etcd) this.#startEtcd(this.#plan.programs.etcd.path);
    await this.#step(this.#startControlPlanes());
    await this.#step(this.#applyClusters());
    await this.#step(this.#startAgents());
    await this.#step(this.#waitForWrites());
    if (this.#life === 'starting') this.#life = 'ready';
  }

  /**
   * Ends everything and releases the state directory. Idempotent.
   *
   * The control plane goes first: while it decides, an agent that stops its primary looks like a failure, and a standby
   * that stops a moment later would be promoted. Agents and Envoys need no control plane to stop.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Shortens a stop() that is under way: what still runs is killed. */
  hurry(): void {
    this.#children.hurry();
  }

  async #stop(): Promise<void> {
    const wasNew = this.#life === 'new';
    this.#life = 'stopping';
    this.#failed.reject(new HowdahError('failed-precondition', 'stopped before it was ready'));
    await this.#agents?.stop();
    const all = this.#children.children;
    const named = (name: string) => all.filter((child) => child.name === name);
    const deciders = all.filter(({ name }) => CONTROL_PLANE_NAMES.includes(name));
    const agents = all.filter(({ name }) => !CONTROL_PLANE_NAMES.includes(name) && name !== 'gateway' && name !== ETCD);
    await this.#children.stop(deciders, OTHER_STOP_LIMIT_MS);
    await this.#children.stop(agents, AGENT_STOP_LIMIT_MS);
    await this.#children.stop(named('gateway'), OTHER_STOP_LIMIT_MS);
    await this.#children.stop(named(ETCD), OTHER_STOP_LIMIT_MS);
    if (!wasNew) this.#tail.stop();
    this.#children.forget();
    for (const { file } of this.#controlPlanes) rmSync(file, { force: true });
    this.#plan.directories.remove();
    this.#plan.lock.release();
    this.#life = 'stopped';
  }

  /** Name, ports and file of each: the first has the name that it has alone. */
  get #controlPlanes() {
    const { layout, placements } = this.#plan;
    return [placements.controlPlane, ...placements.moreControlPlanes].map((ports, index) => {
      const name = CONTROL_PLANE_NAMES[index]!;
      return { name, ports, file: layout.controlPlaneFileOf(name) };
    });
  }

  #startEtcd(path: string): void {
    const { client, peer } = this.#plan.placements.etcd!;
    const [url, peerUrl] = [`http://${LOOPBACK}:${client}`, `http://${LOOPBACK}:${peer}`];
    this.#options.onProgress?.('starting etcd');
    const dataDirectory = this.#plan.layout.etcdDirectory;
    this.#children.startCommand(ETCD, [path, ...etcdFlags({ name: 'howdah', dataDirectory, url, peerUrl })]);
  }

  async #startControlPlanes(): Promise<void> {
    const { layout, store, placements } = this.#plan;
    const all = this.#controlPlanes;
    this.#options.onProgress?.(
      all.length === 1 ? 'starting the control plane' : `starting ${all.length} control planes`,
    );
    const children = all.map(({ name, ports, file }) => {
      // The file of an earlier run would send everybody to an address of that run.
      rmSync(file, { force: true });
      const child = this.#children.start(name, 'control-plane/main', [
        ...['--state-dir', layout.directory, '--name', name, '--store', storeFlag(store, placements)],
        ...['--api', `${LOOPBACK}:${ports.api}`, '--xds', `${LOOPBACK}:${ports.xds}`],
        ...['--log-level', this.#options.childLogLevel, '--log-format', 'json'],
      ]);
      return { child, file };
    });
    const deadline = this.#options.clock.now() + CONTROL_PLANE_LIMIT_MS;
    for (const { child, file } of children) {
      while (readControlPlaneFile(file)?.pid !== child.pid || child.pid === 0) {
        if (this.#life !== 'starting') return;
        if (this.#options.clock.now() > deadline) {
          const log = this.#children.logFile(child.name);
          throw new HowdahError('deadline-exceeded', `the control plane is not ready after 20 s: see ${log}`);
        }
        await this.#pause();
      }
    }
  }

  async #applyClusters(): Promise<void> {
    const { clusters, placements, layout } = this.#plan;
    const findings = new Findings();
    const known = new Set<string>();
    for (const stored of (await this.status()).clusters) {
      known.add(stored.name);
      const given = clusters.find(({ spec }) => spec.name === stored.name);
      const problems =
        given === undefined
          ? [missingCluster(stored.name, undefined, layout.directory)]
          : shrinkProblem(given, stored.instances.filter(({ leaving }) => !leaving).length);
      findings.add('failed-precondition', ...problems);
    }
    findings.throwIfAny();
    for (const { spec, file } of clusters) {
      if (!known.has(spec.name) && this.#hasData(spec.name)) {
        this.#options.onProgress?.(
          `${spec.name}: its data is in ${layout.clusterDirectory(spec.name)}, but the store does not know it. If the store was lost: howdah rebuild -f ${file} --state-dir ${layout.directory}`,
        );
        continue;
      }
      await findings.attempt(file, () => this.api().apply(withPorts(spec, placements.clusters[spec.name]!)));
    }
    findings.throwIfAny();
  }

  /** Some instance of it has been made before. */
  #hasData(cluster: string): boolean {
    const { layout, placements } = this.#plan;
    const instances = Object.keys(placements.clusters[cluster]?.instances ?? {});
    return instances.some((instance) => existsSync(join(layout.instanceDirectory(cluster, instance), 'data')));
  }

  async #startAgents(): Promise<void> {
    const { layout, directories, programs } = this.#plan;
    const surroundings: AgentSurroundings = {
      controlPlane: this.#controlPlanes.map(({ ports }) => `${LOOPBACK}:${ports.xds}`),
      postgres: { binDir: programs.postgres.binDir, user: programs.user?.name ?? null },
      envoy: programs.envoy,
      logLevel: this.#options.childLogLevel,
      logFormat: 'json',
    };
    writeConfig(
      layout.gatewayConfig,
      gatewayFile(directories.shorten(layout.gatewayDirectory, 'gateway'), surroundings),
    );
    this.#children.start('gateway', 'agent/gateway', ['--config', layout.gatewayConfig]);
    const primaries = new Set((await this.status()).clusters.map(({ primary }) => primary));
    const { clock, log, onProgress } = this.#options;
    const agents = new LocalAgents({
      ...{ plan: this.#plan, surroundings, children: this.#children, clock, log },
      clusters: () => this.#lookAtClusters(),
      onProgress: (text) => onProgress?.(text),
    });
    this.#agents = agents;
    // A standby that runs again before the primary's agent is heard of would look like a primary that is lost.
    agents.start((instance) => primaries.has(instance));
    await this.#waitForAgents(primaries);
    if (this.#life !== 'starting') return;
    agents.start(() => true);
    agents.follow();
  }

  /** Until the control plane hears of each of them, or the limit is over: an instance that is broken holds up nobody. */
  async #waitForAgents(names: ReadonlySet<string | null>): Promise<void> {
    const deadline = this.#options.clock.now() + FIRST_AGENTS_LIMIT_MS;
    while (this.#life === 'starting' && this.#options.clock.now() < deadline) {
      const instances = (await this.#lookAtClusters()).flatMap((cluster) => cluster.instances);
      const missing = instances.filter(({ name, connected }) => names.has(name) && !connected);
      if (instances.length > 0 && missing.length === 0) return;
      await this.#pause();
    }
  }

  async #waitForWrites(): Promise<void> {
    const waiting = new Set(this.#plan.clusters.map(({ spec }) => spec.name));
    const told = new Map<string, string>();
    while (waiting.size > 0 && this.#life === 'starting') {
      for (const cluster of await this.#lookAtClusters()) {
        if (!waiting.has(cluster.name)) continue;
        if (told.get(cluster.name) !== cluster.reason) this.#options.onProgress?.(`${cluster.name}: ${cluster.reason}`);
        told.set(cluster.name, cluster.reason);
        if (cluster.gate !== 'open') continue;
        if (await takesWrites(cluster.endpoints.rw, this.password(cluster.name))) waiting.delete(cluster.name);
      }
      if (waiting.size > 0) await this.#pause();
    }
  }

  /** [] while the control plane is being restarted. */
  async #lookAtClusters(): Promise<readonly ClusterStatus[]> {
    try {
      return (await this.status()).clusters;
    } catch (error) {
      if (error instanceof HowdahError && error.code !== 'internal') return [];
      throw error;
    }
  }

  #onLine(process: string, line: string): void {
    // While all stop, each misses the others.
    if (this.#life === 'stopping' && (parseEntry(line)?.level ?? 0) < ERROR_LEVEL) return;
    forwardLine(this.#options.log, process, line);
  }

  #onUnexpectedExit(child: SupervisedChild, exit: ChildExit, quickExits: number): void {
    const { log } = this.#options;
    const how = exit.signal === null ? `exit code ${exit.code}` : exit.signal;
    const hopeless = HOPELESS_CODES.has(exit.code) || quickExits >= HOPELESS_EXITS;
    if (this.#life === 'starting' && hopeless) {
      const message = `${child.name} does not stay up (${how}): see ${this.#children.logFile(child.name)}`;
      this.#failed.reject(new HowdahError('unavailable', message));
      return;
    }
    const fields = { process: child.name, how, quickExits };
    if (hopeless) log.error(fields, 'a process dies again and again');
    else log.warn(fields, 'a process died and is started again');
  }

  #step(work: Promise<void>): Promise<void> {
    return Promise.race([work, this.#failed.promise]);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.after(POLL_MS, resolve));
  }
}
