/**
 * Patroni with etcd and HAProxy: three nodes, synchronous_mode, all timing as it is by default (loop_wait 10, ttl 30,
 * retry_timeout 10; the HAProxy template of Patroni's documentation: checks each 3 s, 3 failures, 2 successes).
 * https://patroni.readthedocs.io/en/latest/ https://github.com/patroni/patroni/blob/master/haproxy.cfg
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Endpoint } from '../../cli/demo/workload.ts';
import { findPostgres, postgresUser, type SystemUser } from '../../control-plane/runtime/binaries/index.ts';
import { EtcdServer } from '../../test/support/etcd-server.ts';
import { freePorts } from '../../test/support/free-port.ts';
import { descendants, isRunning } from '../../test/support/processes.ts';
import { type TempDir, tempDir } from '../../test/support/temp-dir.ts';
import { NotYet, until } from '../../test/support/until.ts';
import type { Contender, FaultName } from './contender.ts';
import { fetchPeers, type PeerPrograms } from './fetch.ts';

const NODES = 3;
const SCOPE = 'bench';
const WHOLE_LIMIT_MS = 240_000;

interface PatroniNode {
  readonly name: string;
  readonly rest: number;
  readonly postgres: number;
  readonly config: string;
}

interface Member {
  readonly name: string;
  readonly role: string;
  readonly state: string;
}

export class Patroni implements Contender {
  readonly name = 'Patroni';
  readonly about = 'Patroni 4.1.5 with etcd and HAProxy, three nodes, synchronous_mode, defaults';
  rw: Endpoint = { host: '127.0.0.1', port: 0 };
  ro: Endpoint = { host: '127.0.0.1', port: 0 };
  readonly #directory: TempDir = tempDir('howdah-bench-');
  readonly #children = new Map<string, ChildProcess>();
  #nodes: readonly PatroniNode[] = [];
  #programs: PeerPrograms | undefined;
  #user: SystemUser | null = null;
  #etcd: EtcdServer | undefined;
  /** As the nodes last said. */
  #leader = '';

  async start(): Promise<void> {
    const programs = fetchPeers();
    this.#programs = programs;
    this.#user = await postgresUser();
    const { binDir } = await findPostgres();
    const { path } = this.#directory;
    chmodSync(path, 0o755);
    this.#etcd = await EtcdServer.start(path);
    const ports = await freePorts(2 * NODES + 2);
    this.#nodes = Array.from({ length: NODES }, (_, index) => {
      const name = `node-${index + 1}`;
      return { name, rest: ports[2 * index]!, postgres: ports[2 * index + 1]!, config: join(path, `${name}.yaml`) };
    });
    this.rw = { host: '127.0.0.1', port: ports.at(-2)! };
    this.ro = { host: '127.0.0.1', port: ports.at(-1)! };
    for (const node of this.#nodes) {
      const directory = join(path, node.name);
      mkdirSync(directory, { mode: 0o700 });
      if (this.#user) chownSync(directory, this.#user.uid, this.#user.gid);
      writeFileSync(node.config, patroniConfig(node, directory, this.#etcd.url, binDir));
      this.#startNode(node);
    }
    writeFileSync(join(path, 'haproxy.cfg'), haproxyConfig(this.#nodes, this.rw.port, this.ro.port));
    const env = { ...process.env, LD_LIBRARY_PATH: programs.libraries };
    this.#spawn('haproxy', programs.haproxy, ['-db', '-f', join(path, 'haproxy.cfg')], { env });
    await this.whole();
  }

  whole(): Promise<string> {
    return until(
      async () => {
        const members = await this.#members();
        const leader = members.find(({ role }) => role === 'leader');
        const synchronous = members.some(({ role }) => role === 'sync_standby');
        const streaming = members.filter(({ state }) => state === 'streaming').length === NODES - 1;
        return leader?.state === 'running' && synchronous && streaming ? leader.name : new NotYet(members);
      },
      { what: 'every Patroni node', timeoutMs: WHOLE_LIMIT_MS, intervalMs: 100 },
    );
  }

  async strike(fault: FaultName): Promise<() => Promise<void>> {
    const nothing = async () => undefined;
    const leader = this.#nodes.find(({ name }) => name === this.#leader)!;
    const patroni = this.#children.get(leader.name)!.pid!;
    const postmaster = this.#postmaster(leader);
    const all = [patroni, postmaster].flatMap((pid) => [pid, ...descendants(pid).map((below) => below.pid)]);
    switch (fault) {
      case 'crash':
        process.kill(postmaster, 'SIGKILL');
        return nothing;
      case 'instance-killed':
        for (const pid of all) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
        return async () => this.#startNode(leader);
      case 'frozen':
        for (const pid of all) process.kill(pid, 'SIGSTOP');
        return async () => {
          for (const pid of all) if (isRunning(pid)) process.kill(pid, 'SIGCONT');
        };
      case 'switchover': {
        const candidate = (await this.#members()).find(({ role }) => role === 'sync_standby')!.name;
        const body = JSON.stringify({ leader: leader.name, candidate });
        const answer = await fetch(`http://127.0.0.1:${leader.rest}/switchover`, { method: 'POST', body });
        if (!answer.ok) throw new Error(`Patroni refused the switchover: ${await answer.text()}`);
        return nothing;
      }
    }
  }

  async stop(): Promise<void> {
    const names = [...this.#children.keys()];
    await Promise.all(names.map((name) => this.#end(name)));
    await this.#etcd?.stop();
    this.#directory.remove();
  }

  /** Patroni lets it go: it is nobody's child. */
  #postmaster({ name }: PatroniNode): number {
    return Number(readFileSync(join(this.#directory.path, name, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
  }

  async #members(): Promise<readonly Member[]> {
    for (const { rest } of this.#nodes) {
      try {
        const answer = await fetch(`http://127.0.0.1:${rest}/cluster`, { signal: AbortSignal.timeout(1_000) });
        const { members } = (await answer.json()) as { members: readonly Member[] };
        this.#leader = members.find(({ role }) => role === 'leader')?.name ?? this.#leader;
        return members;
      } catch {
        // It is down or frozen: another one knows as much.
      }
    }
    return [];
  }

  #startNode(node: PatroniNode): void {
    const programs = this.#programs!;
    const env = { ...process.env, PYTHONPATH: programs.patroni };
    const args = [join(programs.patroni, 'bin/patroni'), node.config];
    this.#spawn(node.name, programs.python, args, { user: this.#user, env });
  }

  #spawn(
    name: string,
    program: string,
    args: readonly string[],
    options: { readonly env?: NodeJS.ProcessEnv; readonly user?: SystemUser | null },
  ): void {
    const log = openSync(join(this.#directory.path, `${name}.log`), 'a');
    // The kernel ends it with this process.
    const { user } = options;
    const as = user ? [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'] : [];
    const child = spawn('setpriv', ['--pdeathsig=SIGTERM', ...as, '--', program, ...args], {
      cwd: this.#directory.path,
      env: options.env ?? process.env,
      stdio: ['ignore', log, log],
    });
    this.#children.set(name, child);
  }

  async #end(name: string): Promise<void> {
    const child = this.#children.get(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    await ended;
  }
}

function patroniConfig(node: PatroniNode, directory: string, etcd: string, binDir: string): string {
  const access = ['local all all trust', 'host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust'];
  return JSON.stringify({
    scope: SCOPE,
    name: node.name,
    restapi: { listen: `127.0.0.1:${node.rest}`, connect_address: `127.0.0.1:${node.rest}` },
    etcd3: { hosts: new URL(etcd).host },
    bootstrap: {
      dcs: {
        ttl: 30,
        loop_wait: 10,
        retry_timeout: 10,
        synchronous_mode: true,
        postgresql: { use_pg_rewind: true, use_slots: true, parameters: {} },
      },
      initdb: [{ encoding: 'UTF8' }, 'data-checksums'],
      pg_hba: access,
    },
    postgresql: {
      listen: `127.0.0.1:${node.postgres}`,
      connect_address: `127.0.0.1:${node.postgres}`,
      data_dir: join(directory, 'data'),
      bin_dir: binDir,
      pgpass: join(directory, 'pgpass'),
      pg_hba: access,
      authentication: {
        superuser: { username: 'postgres', password: 'postgres' },
        replication: { username: 'replicator', password: 'replicator' },
        rewind: { username: 'rewinder', password: 'rewinder' },
      },
      parameters: { unix_socket_directories: directory },
    },
  });
}

function haproxyConfig(nodes: readonly PatroniNode[], rw: number, ro: number): string {
  const listen = (name: string, port: number, check: string) => [
    `listen ${name}`,
    `    bind 127.0.0.1:${port}`,
    `    option httpchk OPTIONS ${check}`,
    '    http-check expect status 200',
    '    default-server inter 3s fall 3 rise 2 on-marked-down shutdown-sessions',
    ...nodes.map(
      ({ name: node, postgres, rest }) => `    server ${node} 127.0.0.1:${postgres} maxconn 100 check port ${rest}`,
    ),
  ];
  return [
    'global',
    '    maxconn 300',
    'defaults',
    '    mode tcp',
    '    retries 2',
    '    timeout client 30m',
    '    timeout connect 4s',
    '    timeout server 30m',
    '    timeout check 5s',
    ...listen('primary', rw, '/primary'),
    ...listen('replicas', ro, '/replica'),
    '',
  ].join('\n');
}
