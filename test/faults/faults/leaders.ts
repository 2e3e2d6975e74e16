/** Several control planes over an etcd: the one that leads, and the etcd, fail at a bad moment. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../../control-plane/runtime/clock.ts';
import { NotYet, until } from '../../support/until.ts';
import type { Fault, Scene } from '../fault.ts';
import { type Lab, STORE } from '../lab/lab.ts';
import { amidFailover } from './amid-failover.ts';

const lab = { controlPlanes: 3 } as const;
/** Longer than the lease of a primary (5 s), of a leader (2 s), and than a silent standby keeps its vote (3 s). */
const LONG_MS = 15_000;
/** The next leader is to have gone on with the failover within this, ms. */
const TAKEOVER_LIMIT_MS = 5_000;

export const LEADER_FAULTS: readonly Fault[] = [
  {
    name: 'leader-killed-in-failover',
    says: 'the primary dies, and up to 250 ms later the control plane that leads does: another one goes on within 5 s',
    failovers: [1, 2],
    writesOutMostMs: TAKEOVER_LIMIT_MS,
    lab,
    async strike(scene) {
      const leader = await leaderAmidFailover(scene);
      scene.lab.group(leader).kill();
      await scene.failedOver();
      await scene.probe.load(200);
    },
  },
  {
    name: 'leader-frozen-in-failover',
    says: 'the primary dies, and up to 250 ms later the control plane that leads freezes: another one goes on within 5 s; thawed, the old one changes nothing',
    failovers: [1, 2],
    writesOutMostMs: TAKEOVER_LIMIT_MS,
    lab,
    async strike(scene) {
      const leader = await leaderAmidFailover(scene);
      await scene.lab.group(leader).frozenWhile(async () => {
        await scene.failedOver();
        await scene.probe.load(200);
      });
      await onlyOneLeads(scene);
    },
  },
  {
    name: 'two-leaders',
    says: 'the control plane that leads freezes in a failover and thaws in the moment in which another one leads: what it then wants is stale, and is refused',
    failovers: [1, 2],
    writesOutMostMs: TAKEOVER_LIMIT_MS,
    lab,
    async strike(scene) {
      const { lab, failedOver, probe } = scene;
      const leader = await leaderAmidFailover(scene);
      const others = lab.controlPlanes.filter((name) => name !== leader);
      const terms = () => others.map((name) => linesOf(lab, name, 'this control plane leads')).join();
      const before = terms();
      const another = { what: 'another one to lead', timeoutMs: 20_000, intervalMs: 2 };
      await lab.group(leader).frozenWhile(() => until(() => terms() !== before, another));
      await failedOver();
      await probe.load(200);
      await onlyOneLeads(scene);
    },
  },
  {
    name: 'leader-killed',
    says: 'the control plane that leads dies, and nothing else does: nothing is noticed',
    failovers: [0, 0],
    writesOutMostMs: 500,
    lab,
    async strike({ lab, probe, hold }) {
      lab.group(await lab.leader()).kill();
      await hold(5_000);
      await probe.load(200);
    },
  },
  {
    name: 'store-down',
    says: 'the etcd hangs for 15 s, longer than every lease: no decision, no client notices; then all goes on',
    failovers: [0, 0],
    writesOutMostMs: 500,
    lab,
    async strike({ lab, probe, hold }) {
      await lab.group(STORE).frozenWhile(() => hold(LONG_MS));
      await probe.load(200);
    },
  },
  {
    name: 'store-slow',
    says: 'the etcd hangs for 400 ms of each 500 ms, and the primary dies: slow, one failover, nothing is lost',
    failovers: [1, 2],
    writesOutMostMs: 20_000,
    lab,
    async strike({ lab, primary, failedOver, probe, hold }) {
      const end = rhythm(lab);
      try {
        await hold(3_000);
        process.kill(primary.pids.postgres, 'SIGKILL');
        await failedOver();
        await probe.load(200);
      } finally {
        await end();
      }
    },
  },
];

/** The primary dies; resolves a random time later with the name of the control plane that led then. */
async function leaderAmidFailover(scene: Scene): Promise<string> {
  const leader = await scene.lab.leader();
  scene.note(`struck ${await amidFailover(scene)} ms after the primary died`);
  return leader;
}

/** As all of them say, and they say the same of the cluster. */
async function onlyOneLeads({ lab, expect }: Scene): Promise<void> {
  const since = systemClock.now();
  const agreed = async () => {
    const { controlPlanes } = await lab.api().controlPlanes();
    const leading = controlPlanes.filter(({ leads }) => leads);
    return (controlPlanes.length === lab.controlPlanes.length && leading.length === 1) || new NotYet(controlPlanes);
  };
  await until(agreed, { what: 'one of all control planes to lead', timeoutMs: 20_000 });
  const epochs = (await lab.history()).map(({ epoch }) => epoch);
  expect(
    epochs.every((epoch, index) => index === 0 || epoch >= epochs[index - 1]!),
    `epochs went back in the history, ${Math.round(systemClock.now() - since)} ms after the thaw: ${epochs.join()}`,
  );
}

function linesOf(lab: Lab, name: string, text: string): number {
  return readFileSync(join(lab.logDirectory, `${name}.log`), 'utf8').split(text).length - 1;
}

/** Held still and let run in turn; the result ends it. */
function rhythm(lab: Lab): () => Promise<void> {
  const stop = new AbortController();
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const done = (async () => {
    while (!stop.signal.aborted) {
      await lab.group(STORE).frozenWhile(() => pause(400));
      await pause(100);
    }
  })();
  return () => {
    stop.abort();
    return done;
  };
}
