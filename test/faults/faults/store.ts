/** The store is lost, or is not what it was. */
import { cpSync, rmSync } from 'node:fs';
import { NotYet, until } from '../../support/until.ts';
import type { Fault, Scene } from '../fault.ts';
import { CONTROL_PLANE } from '../lab/lab.ts';

export const STORE_FAULTS: readonly Fault[] = [
  {
    name: 'store-rolled-back',
    says: 'an old copy of the store, from before a failover, takes its place: the old primary does not lead again, no row is lost; the true copy comes back',
    failovers: [1, 2],
    spoils: true,
    async strike(scene) {
      const { lab, primary, failedOver, hold, probe, expect, note } = scene;
      const [old, young] = [`${lab.path}/store-old`, `${lab.path}/store-young`];
      cpSync(lab.storeDirectory, old, { recursive: true });
      process.kill(primary.pids.postgres, 'SIGKILL');
      const after = await failedOver();
      await lab.whole();
      await exchange(scene, old, young);
      await hold(8_000);
      const seen = await lab.cluster().catch(() => undefined);
      note(`with the old copy: ${seen === undefined ? 'no control plane' : `${seen.reason} (epoch ${seen.epoch})`}`);
      expect(
        seen === undefined || seen.primary !== primary.name || seen.gate === 'closed' || seen.epoch >= after.epoch,
        'the store of an earlier epoch was believed',
      );
      await exchange(scene, young, `${lab.path}/store-refused`);
      await probe.load(200, 60_000);
    },
  },
];

/** The control plane is held still, the directories are exchanged, and it dies: the next one finds what was put there. */
async function exchange({ lab }: Scene, from: string, aside: string): Promise<void> {
  const group = lab.group(CONTROL_PLANE);
  const { pid: before } = await lab
    .api()
    .status()
    .then(
      ({ controlPlane }) => controlPlane,
      () => ({ pid: 0 }),
    );
  await group.freeze();
  cpSync(lab.storeDirectory, aside, { recursive: true });
  rmSync(lab.storeDirectory, { recursive: true });
  cpSync(from, lab.storeDirectory, { recursive: true });
  group.kill();
  group.thaw();
  const next = () => (lab.pid(CONTROL_PLANE) !== 0 && lab.pid(CONTROL_PLANE) !== before) || new NotYet(before);
  await until(next, { what: 'the next control plane', timeoutMs: 30_000 });
}
