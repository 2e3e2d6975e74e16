/**
 * PostgreSQL's log lines as structured ones. Pure.
 * https://www.postgresql.org/docs/current/runtime-config-logging.html#RUNTIME-CONFIG-SEVERITY-LEVELS
 */
export interface LogLine {
  /** 0 when the line doesn't tell. */
  readonly pid: number;
  /** PostgreSQL's word, for example LOG or FATAL; '' for a continuation. */
  readonly severity: string;
  readonly message: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
}

const LINE = /^\[(\d+)\] ([A-Z]+\d?): {1,2}(.*)$/;

export function parseLogLine(line: string): LogLine {
  const match = LINE.exec(line);
  if (!match) return { pid: 0, severity: '', message: line.trimStart(), level: 'info' };
  const severity = match[2]!;
  return { pid: Number(match[1]), severity, message: match[3]!, level: levelOf(severity) };
}

/** An ERROR is a statement's mistake and the client's business; a PANIC is ours. */
function levelOf(severity: string): LogLine['level'] {
  if (severity.startsWith('DEBUG')) return 'debug';
  if (severity === 'PANIC') return 'error';
  return severity === 'WARNING' || severity === 'FATAL' ? 'warn' : 'info';
}

/** The primary has removed WAL that this standby needs, or the slot that was to keep it is gone for good. */
export function tellsMissingWal(line: LogLine): boolean {
  return (
    /requested WAL segment \S+ has already been removed/.test(line.message) ||
    /can(not|'t) (read from|use) .*replication slot .*invalidated/.test(line.message) ||
    /replication slot .* has been invalidated/.test(line.message)
  );
}
