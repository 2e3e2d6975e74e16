// The flags of the control plane's process.
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { HowdahError, type Problem } from './model/errors.ts';
import { LOG_LEVELS, type LogLevel } from './runtime/logger.ts';

export interface ListenAddress {
  readonly host: string;
  /** 0 = a free one is chosen. */
  readonly port: number;
}

export interface MainOptions {
  readonly stateDir: string;
  readonly storeDir: string;
  /** What commands find the control plane by. */
  readonly controlPlaneFile: string;
  readonly api: ListenAddress;
  readonly xds: ListenAddress;
  readonly logLevel: LogLevel;
  readonly logFormat: 'json' | 'pretty';
}

const ANY_LOOPBACK_PORT = '127.0.0.1:0';

/** @throws HowdahError `invalid-argument` with every wrong flag. */
export function parseMainOptions(args: readonly string[]): MainOptions {
  const flags = readFlags(args);
  const problems: Problem[] = [];
  const api = address('--api', flags.api, problems);
  const xds = address('--xds', flags.xds, problems);
  const logLevel = LOG_LEVELS.find((level) => level === flags['log-level']);
  const logFormat = (['json', 'pretty'] as const).find((format) => format === flags['log-format']);
  if (!flags['state-dir']) problems.push({ path: '--state-dir', message: 'must name a directory' });
  if (!logLevel) problems.push({ path: '--log-level', message: `must be one of ${LOG_LEVELS.join(', ')}` });
  if (!logFormat) problems.push({ path: '--log-format', message: 'must be json or pretty' });
  if (problems.length > 0 || !logLevel || !logFormat) {
    throw new HowdahError('invalid-argument', 'the flags are wrong', { problems });
  }
  const stateDir = resolve(flags['state-dir'] ?? '');
  return {
    stateDir,
    storeDir: join(stateDir, 'store'),
    controlPlaneFile: join(stateDir, 'control-plane.json'),
    api,
    xds,
    logLevel,
    logFormat,
  };
}

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        'state-dir': { type: 'string' },
        api: { type: 'string', default: ANY_LOOPBACK_PORT },
        xds: { type: 'string', default: ANY_LOOPBACK_PORT },
        'log-level': { type: 'string', default: 'info' },
        'log-format': { type: 'string', default: 'json' },
      },
    }).values;
  } catch (error) {
    throw new HowdahError('invalid-argument', HowdahError.from(error).message, { cause: error });
  }
}

function address(flag: string, text: string, problems: Problem[]): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3] ?? Number.NaN);
  if (host === '' || !(port <= 65535)) problems.push({ path: flag, message: `must be HOST:PORT, is ${text}` });
  return { host, port };
}
