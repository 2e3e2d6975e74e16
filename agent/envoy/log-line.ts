/** Envoy's own log as structured lines. Pure. */

/**
 * Each line is JSON; `%j` is the message escaped for it.
 * https://www.envoyproxy.io/docs/envoy/latest/operations/cli#cmdoption-log-format
 */
export const LOG_FORMAT = '{"level":"%l","logger":"%n","message":"%j"}';

export interface EnvoyLogLine {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  /** Envoy's logger, for example `upstream`; '' for what Envoy wrote outside its log. */
  readonly logger: string;
  readonly message: string;
}

/**
 * One step below Envoy's own words: its info is about itself, and its errors are about peers that come and go, which it
 * gets over. Only `critical` needs a person.
 */
const LEVELS: Readonly<Record<string, EnvoyLogLine['level']>> = {
  trace: 'trace',
  debug: 'trace',
  info: 'debug',
  warning: 'warn',
  error: 'warn',
  critical: 'error',
};

/** Text that isn't in the format (a crash, a wrong flag, the program is missing) is a warning as it stands. */
export function parseLogLine(text: string): EnvoyLogLine {
  try {
    const { level, logger, message } = JSON.parse(text);
    const known = LEVELS[level];
    if (known !== undefined) return { level: known, logger: String(logger), message: String(message) };
  } catch {
    // Not JSON.
  }
  return { level: 'warn', logger: '', message: text };
}
