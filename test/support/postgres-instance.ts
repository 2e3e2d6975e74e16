import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { type Instance, openInstance } from '../../agent/instance.ts';
import { type Goal, goalId } from '../../control-plane/model/goal.ts';
import type { InstanceReport } from '../../control-plane/model/instance.ts';
import { systemClock } from '../../control-plane/runtime/clock.ts';
import { createLogger, type LogLevel } from '../../control-plane/runtime/logger.ts';
import { Forwarder } from './forwarder.ts';
import { freePorts } from './free-port.ts';
import { NotYet, until } from './until.ts';

export interface InstanceSetup {
  readonly root: string;
  readonly name: string;
  readonly binDir: string;
  /** The account for PostgreSQL; null = the test's own. */
  readonly user: string | null;
  readonly auth?: 'trust' | 'scram';
  readonly passwordFile?: string;
  readonly logLevel?: LogLevel;
}

/** The agent's PostgreSQL without Envoy and control plane: the test gives the goals and reads the reports. */
export class TestInstance implements AsyncDisposable {
  readonly name: string;
  readonly directory: string;
  readonly socketDir: string;
  readonly forwarder = new Forwarder();
  readonly reports: { readonly at: number; readonly report: InstanceReport }[] = [];
  /** Reports are answered, so that a primary keeps its lease. */
  renewing = true;
  leaseMs = 5000;
  readonly #setup: InstanceSetup;
  readonly #ports: number[];
  #instance: Instance | undefined;
  #boot = 0;

  private constructor(setup: InstanceSetup, ports: number[]) {
    this.#setup = setup;
    this.#ports = ports;
    this.name = setup.name;
    this.directory = path.join(setup.root, setup.name);
    this.socketDir = path.join(this.directory, 'run');
  }

  static async open(setup: InstanceSetup): Promise<TestInstance> {
    const test = new TestInstance(setup, await freePorts(7));
    chmodSync(setup.root, 0o755);
    mkdirSync(test.directory, { recursive: true, mode: 0o755 });
    await test.forwarder.listen(test.#ports[5]!);
    await test.start();
    return test;
  }

  /** Path of PostgreSQL's socket. */
  get socket(): string {
    return path.join(this.socketDir, '.s.PGSQL.5432');
  }

  get last(): InstanceReport {
    const last = this.reports.at(-1);
    if (!last) throw new Error(`${this.name} reported nothing`);
    return last.report;
  }

  async start(): Promise<void> {
    const [rw = 0, ro = 0, any = 0, mesh = 0, meshRw = 0, replication = 0, health = 0] = this.#ports;
    const { auth = 'trust', binDir, logLevel = 'silent', passwordFile = null, user } = this.#setup;
    this.#boot += 1;
    this.#instance = await openInstance({
      isConnected: () => true,
      config: {
        cluster: 'test',
        instance: this.name,
        directory: this.directory,
        placement: {
          host: '127.0.0.1',
          zone: '',
          ports: { rw, ro, any, mesh, meshRw, replication, health },
          socketDir: this.socketDir,
        },
        postgres: { binDir, user },
        parameters: { work_mem: '2MB' },
        auth,
        passwordFile,
      },
      bootId: `boot-${this.#boot}`,
      envoyPid: () => 0,
      send: (report) => this.#receive(report),
      clock: systemClock,
      log: createLogger({ level: logLevel, format: 'pretty' }).child({ instance: this.name }),
    });
    await this.#instance.start();
  }

  async stop(): Promise<void> {
    await this.#instance?.stop();
    this.#instance = undefined;
  }

  /** As the control plane does with each report of the one that leads. */
  #receive(report: InstanceReport): void {
    this.reports.push({ at: performance.now(), report });
    if (!this.renewing) return;
    queueMicrotask(() =>
      this.#instance?.controller.handle({ kind: 'report-ack', seq: report.seq, leaseMs: this.leaseMs }),
    );
  }

  give(goal: Goal): void {
    this.#instance?.controller.handle({ kind: 'goal', id: goalId(goal), goal, term: 0 });
  }

  /** Gives the goal and waits until it is done; answers the report that says so and how long that took. */
  async reach(goal: Goal, timeoutMs = 30_000): Promise<{ report: InstanceReport; ms: number }> {
    const at = performance.now();
    const from = this.reports.length;
    this.give(goal);
    const done = await until(
      () =>
        this.reports
          .slice(from)
          .find(({ report }) => report.goal?.id === goalId(goal) && report.goal.status === 'done') ??
        new NotYet(this.reports.at(-1)?.report),
      { what: `${this.name} to reach ${goalId(goal)}`, timeoutMs, intervalMs: 5 },
    );
    return { report: done.report, ms: done.at - at };
  }

  /** Waits for a report that is so. */
  async reported(what: string, is: (report: InstanceReport) => boolean, timeoutMs = 15_000): Promise<InstanceReport> {
    const from = this.reports.length - 1;
    return until(
      () =>
        this.reports.slice(from).find(({ report }) => is(report))?.report ?? new NotYet(this.reports.at(-1)?.report),
      { what: `${this.name} to report ${what}`, timeoutMs, intervalMs: 5 },
    );
  }

  async sql(text: string, login: { user?: string; password?: string } = {}): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({
      host: this.socketDir,
      port: 5432,
      user: 'postgres',
      database: 'postgres',
      ...login,
    });
    await client.connect();
    try {
      const result = await client.query<Record<string, unknown>>(text);
      return result.rows;
    } finally {
      await client.end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.forwarder[Symbol.asyncDispose]();
  }
}
