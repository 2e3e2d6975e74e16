/** How a command finds its control plane: --api, --state-dir, HOWDAH_API, HOWDAH_STATE_DIR, the default directory. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import type { ApiClient } from '../control-plane/api/client.ts';
import { HowdahError } from '../control-plane/model/errors.ts';
import type { Io } from './io.ts';
import { identify } from './local/processes.ts';

export interface ConnectionOptions {
  readonly stateDir?: string;
  readonly api?: string;
}

export function addStateDirOption(command: Command): Command {
  return command.option('--state-dir <dir>', 'directory of the local `howdah up` (env HOWDAH_STATE_DIR)');
}

export function addConnectionOptions(command: Command): Command {
  return addStateDirOption(command).option('--api <url>', 'address of the control plane (env HOWDAH_API)');
}

/** Absolute. Root's home is closed to the account that PostgreSQL runs as, so root's default is in /var/lib. */
export function stateDirectory(given: string | undefined, io: Io): string {
  const chosen = given ?? nonEmpty(io.environment.HOWDAH_STATE_DIR);
  if (chosen === '') {
    throw new HowdahError('invalid-argument', 'the state directory has no name', {
      problems: [{ path: '--state-dir', message: 'must not be empty' }],
    });
  }
  if (chosen !== undefined) return resolve(io.workingDirectory, chosen);
  const stateHome = nonEmpty(io.environment.XDG_STATE_HOME);
  if (stateHome !== undefined) return resolve(io.workingDirectory, stateHome, 'howdah');
  return io.userId === 0 ? '/var/lib/howdah' : join(io.homeDirectory, '.local', 'state', 'howdah');
}

/** @throws HowdahError `unavailable` when nothing runs there, `invalid-argument` for an address that is none. */
export function connect(options: ConnectionOptions, io: Io): ApiClient {
  if (options.api !== undefined) return io.apiClient(apiUrl(options.api, '--api'));
  const fromEnvironment = options.stateDir === undefined ? nonEmpty(io.environment.HOWDAH_API) : undefined;
  if (fromEnvironment !== undefined) return io.apiClient(apiUrl(fromEnvironment, 'HOWDAH_API'));
  return io.apiClient(runningControlPlanes(stateDirectory(options.stateDir, io)).map(({ api }) => api));
}

const controlPlaneFile = z.object({ pid: z.int().min(1), api: z.url(), xds: z.string() });
export type ControlPlaneFile = z.output<typeof controlPlaneFile>;

/** What control-plane.json says; undefined when it is not there, half written or not ours. */
export function readControlPlaneFile(file: string): ControlPlaneFile | undefined {
  try {
    return controlPlaneFile.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data;
  } catch {
    return undefined;
  }
}

function runningControlPlanes(stateDir: string): ControlPlaneFile[] {
  const found = controlPlaneFiles(stateDir)
    .map(readControlPlaneFile)
    .filter((one) => one !== undefined);
  const running = found.filter(({ pid }) => identify(pid) !== undefined);
  if (running.length > 0) return running;
  throw new HowdahError(
    'unavailable',
    `no control plane runs in ${stateDir}: start one with \`howdah up -f FILE\`, or name the right one with --state-dir or --api`,
  );
}

/** Of all that run here, the first one's first. */
function controlPlaneFiles(stateDir: string): string[] {
  try {
    const names = readdirSync(stateDir).filter((name) => /^control-plane(-[b-z])?\.json$/.test(name));
    return names.sort((a, b) => a.length - b.length || (a < b ? -1 : 1)).map((name) => join(stateDir, name));
  } catch {
    // There is no such directory, or it is another's.
    return [];
  }
}

function apiUrl(text: string, source: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:')) return text;
  const message = `must be an address such as http://127.0.0.1:7400, not ${JSON.stringify(text)}`;
  throw new HowdahError('invalid-argument', `${source} ${message}`, { problems: [{ path: source, message }] });
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
