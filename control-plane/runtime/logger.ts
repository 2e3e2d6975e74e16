import pino from 'pino';
import pretty from 'pino-pretty';

/** Structured log: constant message, data in fields. One child a component, binding component, cluster, instance. */
export type Logger = pino.Logger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `json`: a line of JSON each; `pretty`: for a person at a terminal. */
  readonly format: 'json' | 'pretty';
  /** File descriptor to write to. Default 2 (standard error). */
  readonly fd?: number;
}

/** Fields that hold secrets by name are never written, wherever they stand in a log line. */
const REDACTED = [
  'password',
  '*.password',
  '*.*.password',
  'secret',
  '*.secret',
  'token',
  '*.token',
  'privateKey',
  '*.privateKey',
];

export function createLogger(options: LoggerOptions): Logger {
  const fd = options.fd ?? 2;
  const stream =
    options.format === 'pretty'
      ? pretty({
          destination: fd,
          sync: true,
          ignore: 'pid,hostname',
          translateTime: 'SYS:HH:MM:ss.l',
          singleLine: true,
        })
      : // Not waited for: a line of PostgreSQL's must not hold up a failover. What is left is written at the exit.
        pino.destination({ fd, sync: false });
  return pino({ level: options.level, base: null, redact: { paths: REDACTED, censor: '[redacted]' } }, stream);
}
