/** The store is lost, or is not what it was. */
import { cpSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
  {
    name: 'store-corrupted',
    says: 'a byte of the store is flipped and the control plane dies, five times: never silent, each time it refuses to begin and says why; traffic goes on, and with the true byte all goes on',
    failovers: [0, 0],
    writesOutMostMs: 1_000,
    async strike(scene) {
      const { lab, probe, expect } = scene;
      const journal = join(lab.storeDirectory, 'journal');
      for (let time = 1; time <= 5; time++) {
        const log = new LogTail(join(lab.logDirectory, `${CONTROL_PLANE}.log`));
        const damage = randomDamage(journal);
        await onStillStore(scene, () => damage.flip());
        const said = () => log.news().includes('damaged') || new NotYet(log.news().slice(-300));
        await until(said, { what: `the byte ${damage.offset} to be noticed`, timeoutMs: 20_000 });
        const answered = await lab.cluster().then(
          () => true,
          () => false,
        );
        expect(!answered, `a control plane serves what it read from a store whose byte ${damage.offset} is another`);
        await probe.load(100);
        damage.flip();
        await until(() => lab.cluster(), { what: 'the control plane to begin again', timeoutMs: 20_000 });
      }
    },
  },
];

/** What is added to a log from now on. */
class LogTail {
  readonly #file: string;
  readonly #from: number;

  constructor(file: string) {
    this.#file = file;
    this.#from = statSync(file).size;
  }

  news(): string {
    return readFileSync(this.#file).subarray(this.#from).toString();
  }
}

/** One bit of one byte that is in use; done twice it is undone. */
function randomDamage(file: string): { readonly offset: number; flip(): void } {
  const used = readFileSync(file).findLastIndex((byte) => byte !== 0) + 1;
  const offset = Math.floor(Math.random() * used);
  const bit = 1 << Math.floor(Math.random() * 8);
  return {
    offset,
    flip() {
      const bytes = readFileSync(file);
      bytes[offset]! ^= bit;
      writeFileSync(file, bytes);
    },
  };
}

/** The next control plane finds another directory. */
async function exchange(scene: Scene, from: string, aside: string): Promise<void> {
  const { storeDirectory } = scene.lab;
  await onStillStore(scene, () => {
    cpSync(storeDirectory, aside, { recursive: true });
    rmSync(storeDirectory, { recursive: true });
    cpSync(from, storeDirectory, { recursive: true });
  });
}

/** The control plane is held still, something is done to its store, and it dies: the next one finds what is there. */
async function onStillStore({ lab }: Scene, change: () => void): Promise<void> {
  const group = lab.group(CONTROL_PLANE);
  const { pid: before } = await lab
    .api()
    .status()
    .then(
      ({ controlPlane }) => controlPlane,
      () => ({ pid: 0 }),
    );
  await group.frozenWhile(() => {
    change();
    group.kill();
  });
  const next = () => (lab.pid(CONTROL_PLANE) !== 0 && lab.pid(CONTROL_PLANE) !== before) || new NotYet(before);
  await until(next, { what: 'the next control plane', timeoutMs: 30_000 });
}
