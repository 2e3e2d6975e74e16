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
  /** Of this control plane among several. */
  readonly name: string;
  /** Of the store that this process has to itself. */
  readonly storeDir: string;
  /** Addresses of a shared store's members; [] = the store is in storeDir. */
  readonly etcd: readonly string[];
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
  const etcd = storeFlag(flags.store, problems);
  const logLevel = LOG_LEVELS.find((level) => level === flags['log-level']);
  const logFormat = (['json', 'pretty'] as const).find((format) => format === flags['log-format']);
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(flags.name)) {
    problems.push({ path: '--name', message: `must be a DNS label: a-z, 0-9 and -, is ${flags.name}` });
  }
  if (!flags['state-dir']) problems.push({ path: '--state-dir', message: 'must name a directory' });
  if (!logLevel) problems.push({ path: '--log-level', message: `must be one of ${LOG_LEVELS.join(', ')}` });
  if (!logFormat) problems.push({ path: '--log-format', message: 'must be json or pretty' });
  if (problems.length > 0 || !logLevel || !logFormat) {
    throw new HowdahError('invalid-argument', 'the flags are wrong', { problems });
  }
  const stateDir = resolve(flags['state-dir'] ?? '');
  return {
    stateDir,
    name: flags.name,
    storeDir: join(stateDir, 'store'),
    etcd,
    controlPlaneFile: join(stateDir, `${flags.name}.json`),
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
        name: { type: 'string', default: 'control-plane' },
        store: { type: 'string', default: 'file' },
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

/** `file`, or `etcd=http://HOST:PORT,...`. */
function storeFlag(text: string, problems: Problem[]): string[] {
  if (text === 'file') return [];
  const urls = text.startsWith('etcd=') ? text.slice('etcd='.length).split(',') : [];
  const isUrl = (url: string) =>
    URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) && new URL(url).port !== '';
  if (urls.length === 0 || !urls.every(isUrl)) {
    problems.push({ path: '--store', message: `must be file or etcd=http://HOST:PORT,..., is ${text}` });
    return [];
  }
  return urls;
}

function address(flag: string, text: string, problems: Problem[]): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3] ?? Number.NaN);
  if (host === '' || !(port <= 65535)) problems.push({ path: flag, message: `must be HOST:PORT, is ${text}` });
  return { host, port };
}
