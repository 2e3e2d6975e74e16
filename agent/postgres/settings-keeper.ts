/**
 * Brings the settings that the control plane tells into PostgreSQL's file, has them read, and tells which of them wait
 * for a restart. Runs beside the controller's loop: settings are no part of a goal.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { SettingProblem, Settings, SettingsReport } from '../../control-plane/model/settings.ts';
import type { Clock, Timer } from '../../control-plane/runtime/clock.ts';
import type { Component } from '../../control-plane/runtime/component.ts';
import type { Logger } from '../../control-plane/runtime/logger.ts';
import type { DataDirectory } from './data-directory.ts';
import { writeWhole } from './files.ts';
import { type Installation, runTool, ToolError } from './installation.ts';
import type { PostgresServer } from './server.ts';
import { type Session, SqlFailure } from './session.ts';

export interface SettingsKeeperOptions {
  /** Where the newest settings are kept for the next boot. */
  readonly file: string;
  readonly installation: Installation;
  readonly data: DataDirectory;
  readonly server: PostgresServer;
  /** Its own connection. */
  readonly session: Session;
  readonly clock: Clock;
  readonly log: Logger;
  /** The report has news. */
  onChange(): void;
}

/** How often PostgreSQL is asked whether something waits for a restart, ms; and while a reload is under way. */
const LOOK_EVERY_MS = 1_000;
const LOOK_SOON_MS = 25;
const CHECK_LIMIT_MS = 10_000;

const keptSchema = z.object({ version: z.string(), parameters: z.record(z.string(), z.string()) });

/** https://www.postgresql.org/docs/current/view-pg-settings.html, https://www.postgresql.org/docs/current/view-pg-file-settings.html */
const PENDING_SQL = `select pg_conf_load_time()::text as loaded,
  (select coalesce(json_agg(json_build_object('name', name, 'running', setting, 'wanted', coalesce(
      (select setting from pg_file_settings f where f.name = s.name order by seqno desc limit 1), boot_val))
      order by name), '[]') from pg_settings s where pending_restart) as pending`;
const rowSchema = z.object({
  loaded: z.string(),
  pending: z.array(z.object({ name: z.string(), running: z.string(), wanted: z.string() })),
});

export class SettingsKeeper implements Component {
  readonly name = 'settings';
  readonly #options: SettingsKeeperOptions;
  #version = '';
  /** Of the file that PostgreSQL read last. */
  #report: SettingsReport = { version: '', pendingRestart: [], checked: null };
  /** pg_conf_load_time() before the reload that is under way; null = none is. */
  #reloading: string | null = null;
  #loaded = '';
  #timer: Timer | undefined;
  #round: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: SettingsKeeperOptions) {
    this.#options = options;
  }

  get report(): SettingsReport {
    return this.#report;
  }

  /** To be called before PostgreSQL is started: the settings of the last boot. */
  async load(): Promise<void> {
    const text = await readFile(this.#options.file, 'utf8').catch(() => null);
    if (text === null) return;
    const kept = keptSchema.safeParse(parseJson(text));
    if (!kept.success) return;
    this.#version = kept.data.version;
    this.#options.data.parameters = kept.data.parameters;
  }

  async start(): Promise<void> {
    this.#plan(LOOK_SOON_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#round;
    this.#options.session.drop();
  }

  /** Settings to have from now on. */
  take({ version, parameters }: Settings): void {
    if (version === this.#version) return;
    const { data, file, log } = this.#options;
    log.info({ version }, 'new settings');
    this.#version = version;
    data.parameters = parameters;
    const text = JSON.stringify({ version, parameters });
    this.#round = this.#round
      .then(() => writeWhole(file, text, null))
      .catch((error) => log.error({ err: error }, 'the settings could not be kept'));
    this.#plan(0);
  }

  /** What PostgreSQL says against settings, told with the next report. */
  check(id: number, parameters: Readonly<Record<string, string>>): void {
    this.#problems(parameters)
      .then((problems) => this.#tell({ ...this.#report, checked: { id, problems } }))
      .catch((error) => this.#options.log.error({ err: error }, 'settings could not be checked'));
  }

  #plan(ms: number): void {
    this.#timer?.cancel();
    if (this.#stopped) return;
    this.#timer = this.#options.clock.after(ms, () => {
      this.#round = this.#round
        .then(() => this.#look())
        .catch((error) => this.#options.log.warn({ err: error }, 'the settings could not be looked at'))
        .finally(() => this.#plan(this.#reloading === null ? LOOK_EVERY_MS : LOOK_SOON_MS));
    });
  }

  async #look(): Promise<void> {
    const { data, server, session } = this.#options;
    if (server.pid === 0) {
      this.#reloading = null;
      return this.#tell({ ...this.#report, version: '', pendingRestart: [] });
    }
    const row = await session.query(PENDING_SQL, [], 'howdah_settings').catch((error) => {
      // It starts, or does not answer: the controller tells of that.
      if (error instanceof SqlFailure) return null;
      throw error;
    });
    if (row === null) return;
    const { loaded, pending } = rowSchema.parse(row[0]);
    this.#loaded = loaded;
    if (data.written !== data.parameters) {
      await data.writeParameters();
      server.reload();
      this.#reloading = this.#loaded;
      return;
    }
    if (this.#reloading === loaded) return;
    this.#reloading = null;
    const own = server.waiting(data.parameters);
    this.#tell({ ...this.#report, version: this.#version, pendingRestart: [...pending, ...own] });
  }

  #tell(report: SettingsReport): void {
    const isNews = JSON.stringify(report) !== JSON.stringify(this.#report);
    this.#report = report;
    if (isNews) this.#options.onChange();
  }

  /** PostgreSQL's own program judges them, one after another if not all together are right. */
  async #problems(parameters: Readonly<Record<string, string>>): Promise<SettingProblem[]> {
    const entries = Object.entries(parameters);
    if ((await this.#problem(entries)) === null) return [];
    const problems: SettingProblem[] = [];
    for (const entry of entries) {
      const message = await this.#problem([entry]);
      if (message !== null) problems.push({ name: entry[0], message });
    }
    return problems;
  }

  async #problem(entries: readonly (readonly [string, string])[]): Promise<string | null> {
    const { data, installation } = this.#options;
    const settings = entries.flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    try {
      await runTool(installation, 'postgres', {
        args: ['-D', data.path, ...settings, '-C', 'data_directory'],
        timeoutMs: CHECK_LIMIT_MS,
      });
      return null;
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      return error.output
        .replace(/^.*?(FATAL|ERROR): +/s, '')
        .split('\n')
        .join(' ');
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
