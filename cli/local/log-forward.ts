/** A child's log line, shown on the terminal of `up` when it is grave enough. */
import type { Logger } from '../../control-plane/runtime/logger.ts';

/** pino's numbers. https://getpino.io/#/docs/api?id=logger-level */
export const ERROR_LEVEL = 50;

const LEVELS = [
  [60, 'fatal'],
  [ERROR_LEVEL, 'error'],
  [40, 'warn'],
  [30, 'info'],
  [20, 'debug'],
] as const;

/** Logs the line again with its own level, message and fields; `log` drops what is below its level. */
export function forwardLine(log: Logger, process: string, line: string): void {
  const entry = parseEntry(line);
  if (entry === undefined) {
    // Not one of our loggers: a stack trace, or Node's own warning.
    log.warn({ process, line }, 'a process wrote an unstructured line');
    return;
  }
  const level = LEVELS.find(([number]) => entry.level >= number)?.[1] ?? 'trace';
  // What PostgreSQL and Envoy warn of is mostly the other side of what was decided: it stays in the files.
  const shown = level === 'warn' && FOREIGN.has(entry.fields.component) ? 'info' : level;
  log[shown]({ process, ...entry.fields }, entry.message);
}

const FOREIGN: ReadonlySet<unknown> = new Set(['postgres', 'envoy']);

interface Entry {
  readonly level: number;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function parseEntry(line: string): Entry | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || !('level' in parsed) || typeof parsed.level !== 'number') {
    return undefined;
  }
  const { level, time: _time, msg, ...fields } = parsed as { level: number; time?: unknown; msg?: unknown };
  return { level, message: typeof msg === 'string' ? msg : '', fields };
}
