/**
 * Where the milliseconds of a failover go: from the logs of control plane and agents to the moment of each phase. Pure.
 */

/** One line of a log: JSON with the wall clock in ms. */
export interface LogLine {
  readonly time: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** In the order in which they come; each is the first line after the fault that matches. */
const PHASES: readonly { readonly name: string; readonly matches: (line: LogLine, epoch: number) => boolean }[] = [
  { name: 'exit seen by the agent', matches: ({ msg }) => msg === 'PostgreSQL ended' },
  { name: 'detected: new epoch stored', matches: (line) => line.msg === 'decided' && line.phase === 'fencing' },
  { name: 'first fence goal at an agent', matches: (line, epoch) => isGoal(line, `e${epoch}/fence`) },
  { name: 'first promise on disk', matches: (line, epoch) => isStep(line, 'raise-promise', epoch) },
  { name: 'first source removed', matches: (line, epoch) => isStep(line, 'configure', epoch) },
  { name: 'fenced: first fence done', matches: (line, epoch) => isDone(line, `e${epoch}/fence`) },
  { name: 'chosen: candidate stored', matches: (line) => line.msg === 'decided' && line.phase === 'promoting' },
  { name: 'lead goal at the candidate', matches: (line, epoch) => isGoal(line, `e${epoch}/lead`) },
  { name: 'voters set', matches: (line, epoch) => isLeadStep(line, 'configure', epoch) },
  { name: 'slots made', matches: (line, epoch) => isStep(line, 'slots', epoch) },
  { name: 'recovery ended', matches: (line, epoch) => isStep(line, 'promote', epoch) },
  { name: 'lead done', matches: (line, epoch) => isDone(line, `e${epoch}/lead`) },
  { name: 'promoted: stored', matches: (line) => line.msg === 'decided' && line.decision === 'promoted' },
  { name: 'opened: gate stored', matches: (line) => line.msg === 'decided' && line.decision === 'open' },
];

/** By phase: ms since the fault, of the first line that tells of it. A phase that did not happen is left out. */
export function timeline(lines: readonly LogLine[], faultAt: number, epoch: number): ReadonlyMap<string, number> {
  const after = lines.filter(({ time }) => time >= faultAt).sort((left, right) => left.time - right.time);
  const found = PHASES.map(({ name, matches }) => [name, after.find((line) => matches(line, epoch))] as const);
  return new Map(found.flatMap(([name, line]) => (line ? [[name, line.time - faultAt] as const] : [])));
}

const TRACED_MS = 500;

/** What all processes logged from the fault on, in order: ms since the fault, who, what. */
export function trace(lines: readonly LogLine[], faultAt: number): string[] {
  return lines
    .filter(({ time }) => time >= faultAt - 5 && time < faultAt + TRACED_MS)
    .sort((left, right) => left.time - right.time)
    .map(({ time, msg, level: _level, source, ...rest }) => {
      return `${String(time - faultAt).padStart(4)} ${String(source).padEnd(24)} ${msg} ${JSON.stringify(rest)}`;
    });
}

function isGoal({ msg, goal }: LogLine, start: string): boolean {
  return msg === 'goal' && String(goal).startsWith(start);
}

function isDone({ msg, goal, status }: LogLine, start: string): boolean {
  return msg === 'goal status' && status === 'done' && String(goal).startsWith(start);
}

function isStep({ msg, step, epoch: of }: LogLine, kind: string, epoch: number): boolean {
  return msg === 'step' && step === kind && of === epoch;
}

function isLeadStep(line: LogLine, kind: string, epoch: number): boolean {
  return isStep(line, kind, epoch) && line.goal === 'lead';
}
