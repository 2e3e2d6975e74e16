import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FollowGoal } from '../control-plane/model/goal.ts';
import { createLogger } from '../control-plane/runtime/logger.ts';
import { ManualClock } from '../test/support/manual-clock.ts';
import { type TempDir, tempDir } from '../test/support/temp-dir.ts';
import { until } from '../test/support/until.ts';
import { ALONE_AFTER_MS, GoalMemory } from './goal-memory.ts';

const GOAL: FollowGoal = {
  kind: 'follow',
  epoch: 4,
  primary: 'orders-1',
  systemId: '7000000000000000001',
  timeline: 3,
  history: [{ timeline: 2, endLsn: 0x1_0000_00a0n }],
  sourceReady: true,
  source: 'orders-3',
  serves: ['orders-4'],
  successors: ['orders-1', 'orders-4'],
};

let directory: TempDir;
let file: string;
let clock: ManualClock;
let connected: boolean;
let taken: FollowGoal[];

beforeEach(() => {
  directory = tempDir();
  file = path.join(directory.path, 'follow.json');
  clock = new ManualClock();
  connected = false;
  taken = [];
});
afterEach(() => directory.remove());

function memory(): GoalMemory {
  return new GoalMemory({
    file,
    isConnected: () => connected,
    hasGoal: () => taken.length > 0,
    follow: (goal) => taken.push(goal),
    clock,
    log: createLogger({ level: 'silent', format: 'json' }),
  });
}

async function keep(goal: FollowGoal): Promise<void> {
  const earlier = memory();
  earlier.reached(goal);
  clock.advance(10_000);
  await earlier.stop();
}

describe('GoalMemory', () => {
  it('goes on following when no control plane is there, and copies nothing', async () => {
    await keep(GOAL);
    await memory().start();
    clock.advance(ALONE_AFTER_MS - 1);
    expect(taken).toEqual([]);
    clock.advance(1);
    expect(taken).toEqual([{ ...GOAL, sourceReady: false }]);
    clock.advance(60_000);
    expect(taken).toHaveLength(1);
  });

  it('leaves it to a control plane that is there, and looks again when it is gone', async () => {
    await keep(GOAL);
    connected = true;
    await memory().start();
    clock.advance(60_000);
    expect(taken).toEqual([]);
    connected = false;
    clock.advance(ALONE_AFTER_MS);
    expect(taken).toHaveLength(1);
  });

  it('knows nothing without a file, nor from a damaged one', async () => {
    await memory().start();
    await keep(GOAL);
    writeFileSync(file, readFileSync(file, 'utf8').replace('orders-1', 'orders-2'));
    await memory().start();
    clock.advance(60_000);
    expect(taken).toEqual([]);
  });

  it('forgets when the instance is to do something else', async () => {
    await keep(GOAL);
    expect(existsSync(file)).toBe(true);
    const later = memory();
    later.reached({ kind: 'fence', epoch: 4 });
    await until(() => !existsSync(file), { what: 'the file to be gone' });
    later.reached(GOAL);
    clock.advance(10_000);
    await later.stop();
    expect(existsSync(file)).toBe(true);
  });
});
