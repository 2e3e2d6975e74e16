/** Instances that die while their data directory is being made or repaired, or right after they took over. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { NotYet, until } from '../../support/until.ts';
import type { Fault, Scene } from '../fault.ts';
import { instanceOf } from '../lab/lab.ts';

export const REJOIN_FAULTS: readonly Fault[] = [
  {
    name: 'killed-in-basebackup',
    says: 'a standby without data dies while it is copied, and then the primary does: what is not whole never leads',
    failovers: [0, 1],
    writesOutMostMs: 30_000,
    async strike(scene) {
      const { lab, primary, standbys, probe } = scene;
      const [standby] = standbys;
      lab.group(standby!).kill();
      rmSync(join(lab.directory(standby!), 'data'), { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
      await creating(scene, standby!);
      lab.group(standby!).kill();
      process.kill(primary.pids.postgres, 'SIGKILL');
      await probe.load(200, 60_000);
      const now = await lab.cluster();
      scene.expect(now.primary !== standby, `${standby} leads and was not whole`);
    },
  },
  {
    name: 'killed-in-rewind',
    says: 'the old primary, which has WAL that nobody else has, dies while it is repaired: it comes back all the same',
    failovers: [1, 1],
    async strike(scene) {
      const { lab, primary, standbys, failedOver, hold } = scene;
      // WAL that only the primary has: its voters are gone for a moment before it dies.
      for (const standby of standbys) lab.network.cut(primary.name, standby);
      await hold(500);
      // In one moment: see postmaster-killed-while-commits-wait.
      lab.group(primary.name).kill();
      await hold(200);
      await lab.heal();
      await failedOver();
      await creating(scene, primary.name);
      lab.group(primary.name).kill();
    },
  },
  {
    name: 'new-primary-dies-too',
    says: 'the primary dies, and the one that took over dies 300 ms later: the promise quorum is obeyed, nothing is lost',
    failovers: [1, 3],
    // The third one can't acknowledge before one of the two was restarted and repaired.
    writesOutMostMs: 15_000,
    async strike({ lab, primary, failedOver, hold, probe }) {
      lab.group(primary.name).kill();
      const { primary: next } = await failedOver();
      await hold(300);
      if (next !== null) lab.group(next).kill();
      await probe.load(200, 60_000);
    },
  },
];

async function creating({ lab, note }: Scene, instance: string): Promise<void> {
  const seen = async () => {
    const { state, goal } = instanceOf(await lab.cluster(), instance);
    return state === 'creating' ? (goal?.detail ?? 'creating') : new NotYet(state);
  };
  try {
    await until(seen, { what: `${instance} to be repaired`, timeoutMs: 20_000, intervalMs: 5 });
  } catch {
    note('it was repaired too fast to be seen, or had nothing to repair');
  }
}
