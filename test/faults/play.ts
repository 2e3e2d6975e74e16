/** Plays the chosen faults one after the other: started by run.ts in namespaces of its own. */
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from './fault.ts';
import { Lab, type LabOptions, labKey } from './lab/lab.ts';
import { Network } from './lab/network.ts';
import { mountMemory } from './lab/sealed.ts';
import { FAULTS } from './list.ts';
import { faultOptions } from './options.ts';
import { markdown, report, type Skipped } from './report.ts';
import { playRound, type RoundResult, roundThatBroke } from './round.ts';

const options = faultOptions(process.argv.slice(2));
// Postmasters that are killed leave their shared memory behind.
mountMemory('/dev/shm', 1024, '1777');
const network = new Network();
const rounds: RoundResult[] = [];
const skipped: Skipped[] = [];
let open: { readonly lab: Lab; readonly key: string } | undefined;
let stopped = false;
process.on('SIGTERM', () => {
  stopped = true;
});

try {
  const chosen = FAULTS.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
  for (const fault of chosen) {
    const why = fault.missing?.();
    if (why === undefined) await playAll(fault);
    else skipped.push({ fault: fault.name, why });
    if (why !== undefined) console.log(`${fault.name}: not run: ${why}`);
    tell();
  }
} finally {
  await closeLab();
}
process.exitCode = rounds.some(({ failures }) => failures.length > 0) ? 1 : 0;

async function playAll(fault: Fault): Promise<void> {
  for (let run = 1; run <= options.runs && !stopped; run++) {
    const round = await play(fault);
    rounds.push(round);
    tellRound(run, round);
    const isBroken = round.failures.length > 0;
    if (options.logs && isBroken && open) {
      cpSync(open.lab.logDirectory, join(options.logs, `${fault.name}-${run}`), { recursive: true });
    }
    if (fault.spoils || isBroken) await closeLab();
  }
}

async function play(fault: Fault): Promise<RoundResult> {
  try {
    return await playRound(await labFor(fault.lab ?? {}), fault);
  } catch (error) {
    return roundThatBroke(fault, error);
  }
}

function tellRound(run: number, round: RoundResult): void {
  const { fault, failovers, failures, verdict, decisions, notes } = round;
  const figures = `writes out ${Math.round(round.writesOutMs)} ms, reads ${Math.round(round.readsOutMs)} ms, whole after ${Math.round(round.tookMs)} ms`;
  const counts = `${failovers} failovers, ${verdict?.acknowledged ?? '?'} acknowledged, ${verdict?.unknown ?? '?'} in doubt`;
  console.log(`${fault} ${run}: ${failures.length === 0 ? 'passed' : 'FAILED'}; ${figures}; ${counts}`);
  for (const text of [...notes, ...failures]) console.log(`    ${text}`);
  for (const { at, epoch, kind, reason } of decisions) console.log(`    ${at} epoch ${epoch} ${kind}: ${reason}`);
}

async function labFor(wanted: LabOptions): Promise<Lab> {
  const key = labKey(wanted);
  if (open?.key === key) return open.lab;
  await closeLab();
  const lab = new Lab(network, wanted);
  open = { lab, key };
  await lab.start();
  return lab;
}

async function closeLab(): Promise<void> {
  const last = open;
  open = undefined;
  await last?.lab.stop();
}

/** After each fault, so that a run that is broken off has told what it saw. */
function tell(): void {
  const result = report(rounds, skipped);
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ ...result, results: rounds }, null, 2)}\n`);
  if (options.markdown) writeFileSync(options.markdown, markdown(result));
}
