/**
 * Control planes, a gateway and the instances of one cluster, each on a machine of its own as far as the network, the
 * processes' group and the disk go: the same programs with the same files as `howdah up` and operators start them.
 */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentFile, gatewayFile, writeConfig } from '../../../cli/local/agent-files.ts';
import { SupervisedChild } from '../../../cli/local/child.ts';
import { nodeFlags, programFile } from '../../../cli/local/entry.ts';
import { etcdFlags } from '../../../cli/local/etcd-flags.ts';
import { StateLayout } from '../../../cli/local/layout.ts';
import { ensurePasswords, readPassword } from '../../../cli/local/passwords.ts';
import { Findings, findPrograms, type Programs } from '../../../cli/local/preflight.ts';
import { takesWrites } from '../../../cli/local/probe.ts';
import { ApiClient } from '../../../control-plane/api/client.ts';
import type { ClusterStatus, HistoryEntryStatus, InstanceStatus } from '../../../control-plane/api/contract.ts';
import { parseDocuments } from '../../../control-plane/api/document/index.ts';
import { type ClusterSpec, instanceNames } from '../../../control-plane/model/cluster-spec.ts';
import type { Placement } from '../../../control-plane/model/instance.ts';
import { systemClock } from '../../../control-plane/runtime/clock.ts';
import { createLogger } from '../../../control-plane/runtime/logger.ts';
import { laterEpoch, wholeCluster } from '../../support/cluster-wait.ts';
import { NotYet, until } from '../../support/until.ts';
import type { Address } from '../probe/connection.ts';
import { clockEnvironment, setClock, withTrueClock } from './clock.ts';
import type { Entrance } from './enter.ts';
import { Group } from './group.ts';
import { HOST, type Network, type Node, namespaceFile } from './network.ts';
import { mountMemory, PREFIX, sealedRun } from './sealed.ts';

export const CLUSTER = 'orders';
export const CONTROL_PLANE = 'control-plane';
/** Where etcd is, in a lab with several control planes. */
export const STORE = 'store';
/** One fault follows the other within a minute here. */
export const NO_REST = 'failover: { restAfterSilence: 0s }';
export const GATEWAY = 'gateway';
/** Where an instance's Envoy takes what goes to its PostgreSQL, replication too. */
export const MESH_PORT = 7432;
const PORTS = { rw: 6432, ro: 6433, any: 6434, mesh: MESH_PORT, meshRw: 7433, replication: 7434, health: 7435 };
/** A small machine that does much else makes three instances in this time, ms. */
const START_LIMIT_MS = 240_000;
const API_PORT = 7400;
const XDS_PORT = 7401;
const ETCD_PORTS = { client: 7410, peer: 7411 };

export interface LabOptions {
  /** Of `spec` in YAML's flow style, without the routes. Default: three instances, and a failover as often as a fault asks for one. */
  readonly spec?: string;
  /** Instances whose directories are memory of this size; default: the machine's disk. */
  readonly memoryMegabytes?: number;
  /** Each node has a wall clock of its own, which setClock() shifts. */
  readonly clocks?: boolean;
  /** More than one share an etcd, on a node of its own. Default: one, with a file. */
  readonly controlPlanes?: number;
}

/** How a lab is told from another: those of the same key can follow one another in one lab. */
export function labKey(options: LabOptions): string {
  return JSON.stringify(options, Object.keys(options).sort());
}

interface Machine {
  readonly node: Node;
  readonly group: Group;
  readonly child: SupervisedChild;
}

export class Lab {
  readonly network: Network;
  readonly spec: ClusterSpec;
  readonly #options: LabOptions;
  readonly #directory: string;
  readonly #layout: StateLayout;
  readonly #machines = new Map<string, Machine>();
  readonly #api: ApiClient;
  #postgresBin = '';

  /** @param network may have been that of an earlier lab: nodes are taken over. */
  constructor(network: Network, options: LabOptions) {
    this.network = network;
    this.#options = options;
    this.#directory = mkdtempSync(join(tmpdir(), `${PREFIX}${sealedRun() ?? process.pid}-`));
    chmodSync(this.#directory, 0o755);
    this.#layout = new StateLayout(this.#directory);
    this.spec = readSpec(options.spec ?? 'instances: 3, failover: { restAfterSilence: 0s }');
    const baseUrl = this.controlPlanes.map((name) => `http://${this.#node(name).address}:${API_PORT}`);
    this.#api = new ApiClient({ baseUrl, timeoutMs: 2_000 });
  }

  /** Names of their nodes. */
  get controlPlanes(): readonly string[] {
    const { controlPlanes: count = 1 } = this.#options;
    return Array.from({ length: count }, (_, index) => (index === 0 ? CONTROL_PLANE : `${CONTROL_PLANE}-${index + 1}`));
  }

  /** Where the proxies go, of the first control plane. */
  get xds(): string {
    return `${this.#node(CONTROL_PLANE).address}:${XDS_PORT}`;
  }

  /** For applications, as role postgres. */
  get rw(): Address {
    return { host: '127.0.0.1', port: this.spec.routes.rw.port, password: this.#password };
  }

  get ro(): Address {
    return { host: '127.0.0.1', port: this.spec.routes.ro.port, password: this.#password };
  }

  get #password(): string | undefined {
    return this.#hasPasswords ? readPassword(this.#layout.passwordFile(CLUSTER)) : undefined;
  }

  get #hasPasswords(): boolean {
    return this.spec.postgres.auth === 'scram';
  }

  api(): ApiClient {
    return this.#api;
  }

  async start(): Promise<void> {
    const programs = await findProgramsOrThrow(this.controlPlanes.length > 1);
    this.#postgresBin = programs.postgres.binDir;
    mkdirSync(this.#layout.logDirectory, { recursive: true });
    mkdirSync(this.#layout.gatewayDirectory, { recursive: true });
    const store = programs.etcd ? this.#startStore(programs.etcd.path) : [];
    for (const name of this.controlPlanes) {
      const { address } = this.#node(name);
      const listen = ['--api', `${address}:${API_PORT}`, '--xds', `${address}:${XDS_PORT}`];
      this.#startOurs(name, 'control-plane/main', [
        '--state-dir',
        this.#directory,
        '--name',
        name,
        ...store,
        ...listen,
      ]);
    }
    await until(() => this.#api.apply(this.spec), { what: 'the control plane', timeoutMs: START_LIMIT_MS });
    if (this.#hasPasswords) {
      mkdirSync(this.#layout.clusterDirectory(CLUSTER), { recursive: true, mode: 0o755 });
      ensurePasswords(this.#layout.passwordFile(CLUSTER), this.#layout.passFile(CLUSTER));
    }
    this.#startAgents(programs);
    await this.whole(START_LIMIT_MS);
    const { host, port, password } = this.rw;
    const writes = async () => (await takesWrites(`${host}:${port}`, password)) || new NotYet('none');
    await until(writes, { what: 'the gateway to take writes', timeoutMs: START_LIMIT_MS });
  }

  /** In the order of `howdah up`: without the control plane a stopping agent looks like no failure to anybody. */
  async stop(): Promise<void> {
    await this.heal();
    const all = [...this.#machines.values()];
    const deciders = all.filter(({ child }) => this.controlPlanes.includes(child.name));
    const rest = all.filter(({ child }) => !this.controlPlanes.includes(child.name));
    for (const group of [deciders, rest]) {
      const late = setTimeout(() => group.map(({ group }) => group.kill()), 15_000);
      await Promise.all(group.map(({ child }) => child.stop('SIGTERM')));
      clearTimeout(late);
    }
    for (const { group } of all) {
      if (group.directory === null) continue;
      await until(() => group.pids.length === 0, { what: 'the processes of a node to end', timeoutMs: 10_000 });
      group.remove();
    }
    if (this.#options.memoryMegabytes === undefined) rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Where everything of the lab is; removed with it. */
  get path(): string {
    return this.#directory;
  }

  /** Directory of PostgreSQL's programs; '' before the start. */
  get postgresBin(): string {
    return this.#postgresBin;
  }

  /** The network is whole, nothing is frozen, and the clocks are right. */
  async heal(): Promise<void> {
    await this.network.healAll();
    for (const [name, { group }] of this.#machines) {
      if (group.directory !== null) group.thaw();
      if (this.#options.clocks) this.setClock(name, '+0');
    }
  }

  group(name: string): Group {
    return this.#machine(name).group;
  }

  /** In a lab with clocks. @param shift as setClock() of clock.ts takes it */
  setClock(name: string, shift: string): void {
    setClock(this.#clockFile(name), shift);
  }

  /** Of the program that the node's supervisor keeps running; 0 while it does not run. */
  pid(name: string): number {
    return this.#machine(name).child.pid;
  }

  /** The control plane that leads, of several that are all there. */
  leader(): Promise<string> {
    const look = async () => {
      const { controlPlanes, leader } = await this.#api.controlPlanes();
      return (controlPlanes.length === this.controlPlanes.length && leader) || new NotYet(controlPlanes);
    };
    return until(look, { what: 'one of all control planes to lead', timeoutMs: 20_000 });
  }

  directory(instance: string): string {
    return this.#layout.instanceDirectory(CLUSTER, instance);
  }

  get storeDirectory(): string {
    return join(this.#directory, 'store');
  }

  get gatewayDirectory(): string {
    return this.#layout.gatewayDirectory;
  }

  get logDirectory(): string {
    return this.#layout.logDirectory;
  }

  cluster(): Promise<ClusterStatus> {
    return this.#api.cluster(CLUSTER);
  }

  async history(): Promise<readonly HistoryEntryStatus[]> {
    return (await this.#api.history(CLUSTER)).entries;
  }

  whole(timeoutMs?: number): Promise<ClusterStatus> {
    return wholeCluster(() => this.cluster(), timeoutMs);
  }

  laterEpoch(epoch: number, timeoutMs?: number): Promise<ClusterStatus> {
    return laterEpoch(() => this.cluster(), epoch, timeoutMs);
  }

  #envoy(path: string): string {
    return this.#options.clocks ? withTrueClock(path, join(this.#directory, 'envoy')) : path;
  }

  #clockFile(name: string): string {
    return join(this.#directory, `clock-${name}`);
  }

  #startAgents(programs: Programs): void {
    const surroundings = {
      controlPlane: this.controlPlanes.map((name) => `${this.#node(name).address}:${XDS_PORT}`),
      postgres: { binDir: programs.postgres.binDir, user: programs.user?.name ?? null },
      envoy: { path: this.#envoy(programs.envoy.path) },
      logLevel: 'info',
      logFormat: 'json',
    } as const;
    for (const instance of instanceNames(this.spec)) {
      const placement = this.#place(instance, programs);
      const file = this.#layout.agentConfig(CLUSTER, instance);
      const about = { name: instance, directory: this.directory(instance), placement };
      writeConfig(file, agentFile(this.spec, about, this.#layout, surroundings));
      this.#startOurs(instance, 'agent/main', ['--config', file]);
    }
    writeConfig(this.#layout.gatewayConfig, gatewayFile(this.#layout.gatewayDirectory, surroundings));
    this.#startOurs(GATEWAY, 'agent/gateway', ['--config', this.#layout.gatewayConfig]);
  }

  /** What the control planes are told of it. */
  #startStore(path: string): string[] {
    const { address } = this.#node(STORE);
    const [url, peerUrl] = [`http://${address}:${ETCD_PORTS.client}`, `http://${address}:${ETCD_PORTS.peer}`];
    const dataDirectory = this.#layout.etcdDirectory;
    this.#start(STORE, [path, ...etcdFlags({ name: 'lab', dataDirectory, url, peerUrl })]);
    return ['--store', `etcd=${url}`];
  }

  #startOurs(name: string, program: Parameters<typeof programFile>[0], args: readonly string[]): void {
    this.#start(name, [process.execPath, ...nodeFlags(program), programFile(program), ...args]);
  }

  #place(instance: string, programs: Programs): Placement {
    const directory = this.directory(instance);
    const { memoryMegabytes } = this.#options;
    if (memoryMegabytes === undefined) mkdirSync(directory, { recursive: true, mode: 0o755 });
    else mountMemory(directory, memoryMegabytes);
    const socketDir = join(directory, 'socket');
    mkdirSync(socketDir, { mode: 0o700 });
    if (programs.user !== null) chownSync(socketDir, programs.user.uid, programs.user.gid);
    return { host: this.#node(instance).address, zone: '', ports: PORTS, socketDir };
  }

  #start(name: string, command: readonly string[]): void {
    const node = this.#node(name);
    const group = new Group(name);
    const env = this.#options.clocks ? clockEnvironment(this.#clockFile(name)) : {};
    const entrance: Entrance = { group: group.directory, network: namespaceFile(node), env };
    const child = new SupervisedChild(
      {
        name,
        command: [process.execPath, join(import.meta.dirname, 'enter.ts'), JSON.stringify(entrance), ...command],
        logFile: join(this.logDirectory, `${name}.log`),
      },
      { clock: systemClock, log: SILENT, onChange: () => undefined, onUnexpectedExit: () => undefined },
    );
    this.#machines.set(name, { node, group, child });
    child.start();
  }

  #machine(name: string): Machine {
    const found = this.#machines.get(name);
    if (found === undefined) throw new Error(`nothing runs on ${name}`);
    return found;
  }

  /** The gateway is where the applications are. */
  #node(name: string): Node {
    if (name === GATEWAY) return HOST;
    return this.network.nodes.find((node) => node.name === name) ?? this.network.add(name);
  }
}

const SILENT = createLogger({ level: 'silent', format: 'json' });

export function instanceOf(cluster: ClusterStatus, name: string): InstanceStatus {
  const found = cluster.instances.find((instance) => instance.name === name);
  if (found === undefined) throw new Error(`cluster ${cluster.name} has no instance ${name}`);
  return found;
}

function readSpec(text: string): ClusterSpec {
  const routes = `routes: { rw: { port: ${PORTS.rw} }, ro: { port: ${PORTS.ro} }, any: { port: ${PORTS.any} } }`;
  const head = `apiVersion: howdah.dev/v1alpha1\nkind: PostgresCluster\nmetadata: { name: ${CLUSTER} }\n`;
  const { clusters, problems } = parseDocuments(`${head}spec: { ${text}, ${routes} }\n`, 'lab');
  const [spec] = clusters;
  if (spec === undefined) throw new Error(problems.map(({ path, message }) => `${path}: ${message}`).join('; '));
  return spec;
}

async function findProgramsOrThrow(withEtcd: boolean): Promise<Programs> {
  const findings = new Findings();
  const programs = await findPrograms(findings, { kind: withEtcd ? 'own-etcd' : 'file' });
  findings.throwIfAny();
  return programs!;
}
