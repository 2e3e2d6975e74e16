// The file store in a process that is killed, and on a disk that takes no more.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../control-plane/runtime/clock.ts';
import { createLogger } from '../../control-plane/runtime/logger.ts';
import { FileStore } from '../../control-plane/store/file-store.ts';
import type { Versioned } from '../../control-plane/store/store.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

const program = fileURLToPath(new URL('../fixtures/store-writer.ts', import.meta.url));

let directory: TempDir;
let child: ChildProcess | null = null;

beforeEach(() => {
  directory = tempDir();
});
afterEach(async () => {
  await end('SIGKILL');
  directory.remove();
});

/** Starts a writer, under `wrapper` if there is one; what it answers gives its lines so far. */
function startWriter(compactAtBytes: number, wrapper: readonly string[] = []): () => string[] {
  const [command = '', ...args] = [...wrapper, process.execPath, program, directory.path, String(compactAtBytes)];
  let text = '';
  child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return () => text.split('\n').slice(0, -1);
}

async function end(signal?: NodeJS.Signals): Promise<void> {
  const ending = child;
  child = null;
  if (!ending) return;
  if (signal) ending.kill(signal);
  if (ending.exitCode === null && ending.signalCode === null) await once(ending, 'close');
}

async function stored(): Promise<Versioned | undefined> {
  const log = createLogger({ level: 'silent', format: 'json' });
  const store = await FileStore.open({ directory: directory.path, clock: systemClock, log });
  const found = await store.get('orders');
  await store.close();
  return found;
}

it('has every acknowledged put after a kill, wherever that falls, and lets the next process in', async () => {
  let last = 0;
  for (const puts of [1, 7, 30, 60]) {
    const lines = startWriter(1024);
    await until(() => lines().length >= puts, { what: `${puts} puts`, timeoutMs: 20_000 });
    await end('SIGKILL');
    const acknowledged = Number(lines().at(-1));
    expect(acknowledged).toBeGreaterThan(last);
    const found = await stored();
    // One more may have reached the disk without being answered.
    expect([acknowledged, acknowledged + 1]).toContain(found?.revision);
    expect(found?.record.epoch).toBe(found?.revision);
    last = found?.revision ?? 0;
  }
});

it('refuses everything after a write that failed, and has what was acknowledged before', async () => {
  // No file may grow beyond this: the write that would fails with EFBIG, as one on a full disk does with ENOSPC.
  const lines = startWriter(8 * 1024, ['prlimit', `--fsize=${64 * 1024}`]);
  await end();
  expect(lines().slice(-2)).toEqual(['unavailable', 'unavailable']);
  const acknowledged = Number(lines().at(-3));
  expect(acknowledged).toBeGreaterThan(3);
  expect((await stored())?.revision).toBe(acknowledged);
});
