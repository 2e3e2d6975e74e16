/** One run of one fault in a lab: load, fault, healing, verdict. */
import type { HistoryEntryStatus } from '../../control-plane/api/contract.ts';
import { systemClock } from '../../control-plane/runtime/clock.ts';
import { isSound, type Verdict } from './check/verdict.ts';
import type { Fault, Scene } from './fault.ts';
import { instanceOf, type Lab } from './lab/lab.ts';
import { Probe } from './probe/probe.ts';

export interface RoundResult {
  readonly fault: string;
  /** Epochs that went by. */
  readonly failovers: number;
  /** Longest times without an acknowledged write, and without an answer on ro, ms. */
  readonly writesOutMs: number;
  readonly readsOutMs: number;
  /** From the fault until everything was whole again, ms. */
  readonly tookMs: number;
  readonly verdict: Verdict | null;
  /** What is not as it must be; [] = passed. */
  readonly failures: readonly string[];
  readonly notes: readonly string[];
  /** What the control plane decided, for a failed run. */
  readonly decisions: readonly HistoryEntryStatus[];
}

const WHOLE_LIMIT_MS = 120_000;

export async function playRound(lab: Lab, fault: Fault): Promise<RoundResult> {
  const before = await lab.whole();
  const probe = new Probe({ rw: lab.rw, ro: lab.ro, strict: before.durability === 'strict' });
  const failures: string[] = [];
  const notes: string[] = [];
  const scene: Scene = {
    lab,
    probe,
    before,
    primary: instanceOf(before, before.primary!),
    standbys: before.instances.map(({ name }) => name).filter((name) => name !== before.primary),
    hold: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    failedOver: () => lab.laterEpoch(before.epoch),
    expect(condition, text) {
      if (!condition) failures.push(text);
    },
    note: (text) => notes.push(text),
  };
  let at = systemClock.now();
  let [writesOutMs, readsOutMs, failovers] = [0, 0, 0];
  const attempt = async (what: string, action: () => Promise<void>) => {
    try {
      await action();
    } catch (error) {
      failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  await probe.start();
  at = systemClock.now();
  await attempt('the fault', () => fault.strike(scene));
  await attempt('healing', async () => {
    await lab.heal();
    const after = await lab.whole(WHOLE_LIMIT_MS);
    failovers = after.epoch - before.epoch;
    await probe.load(100);
  });
  const tookMs = systemClock.now() - at;
  writesOutMs = probe.writes.longestGapMs(at, systemClock.now());
  readsOutMs = probe.reads.longestGapMs(at, systemClock.now());
  await probe.stop();
  let verdict: Verdict | null = null;
  await attempt('the verdict', async () => {
    verdict = await probe.verdict();
    if (fault.losesCommits) {
      const { lost, violations } = verdict;
      notes.push(`${lost.length} lost and ${violations.length} registers out of order were seen, as they must be here`);
      if (lost.length === 0 || violations.length === 0)
        failures.push('commits were to be lost here, and none was missed');
    } else if (!isSound(verdict)) failures.push(`unsound: ${JSON.stringify(verdict)}`);
  });
  const [least, most] = fault.failovers;
  if (failovers < least || failovers > most) failures.push(`${failovers} failovers, expected ${least} to ${most}`);
  const { writesOutMostMs = Number.POSITIVE_INFINITY } = fault;
  if (writesOutMs > writesOutMostMs) {
    failures.push(`no write for ${Math.round(writesOutMs)} ms, expected at most ${writesOutMostMs} ms`);
  }
  const decisions = failures.length === 0 ? [] : await decisionsSince(lab, before.epoch);
  return { fault: fault.name, failovers, writesOutMs, readsOutMs, tookMs, verdict, failures, notes, decisions };
}

/** There was no cluster or no load to let anything fail under. */
export function roundThatBroke(fault: Fault, error: unknown): RoundResult {
  const nothing = { failovers: 0, writesOutMs: 0, readsOutMs: 0, tookMs: 0, verdict: null, notes: [], decisions: [] };
  const why = error instanceof Error ? error.message : String(error);
  return { fault: fault.name, ...nothing, failures: [`before the fault: ${why}`] };
}

async function decisionsSince(lab: Lab, epoch: number): Promise<readonly HistoryEntryStatus[]> {
  return lab.history().then(
    (entries) => entries.filter((entry) => entry.epoch >= epoch).slice(-20),
    () => [],
  );
}
