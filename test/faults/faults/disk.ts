/** Disks that are full, slow or broken. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../fault.ts';
import type { Lab } from '../lab/lab.ts';

const MEMORY = { memoryMegabytes: 400 };
const ballast = (lab: Lab, instance: string) => join(lab.directory(instance), 'ballast');

export const DISK_FAULTS: readonly Fault[] = [
  {
    name: 'disk-of-primary-full',
    says: 'the disk of the primary is full for 15 s: at most one failover, no loop; it goes on when there is room',
    failovers: [0, 1],
    lab: MEMORY,
    async strike({ lab, primary, hold }) {
      fill(ballast(lab, primary.name));
      try {
        await hold(15_000);
      } finally {
        rmSync(ballast(lab, primary.name), { force: true });
      }
    },
  },
  {
    name: 'disk-of-standby-full',
    says: 'the disk of a standby is full and the primary dies: no promise that is not on disk; all goes on when there is room',
    failovers: [0, 2],
    lab: MEMORY,
    async strike({ lab, primary, standbys, hold }) {
      fill(ballast(lab, standbys[0]!));
      try {
        await hold(2_000);
        process.kill(primary.pids.postgres, 'SIGKILL');
        await hold(8_000);
      } finally {
        rmSync(ballast(lab, standbys[0]!), { force: true });
      }
    },
  },
  {
    name: 'fsync-slow',
    says: 'each fsync of the primary takes 2 s, for 12 s: slow, no failover',
    failovers: [0, 0],
    missing: missingTracer,
    async strike({ lab, primary, hold }) {
      const end = await trace(lab, primary.name, 'delay_enter=2000000');
      try {
        await hold(12_000);
      } finally {
        await end();
      }
    },
  },
  {
    name: 'fsync-broken',
    says: 'each fsync of the primary fails with EIO: PostgreSQL ends; failover',
    failovers: [1, 1],
    writesOutMostMs: 10_000,
    missing: missingTracer,
    async strike({ lab, primary, failedOver }) {
      const end = await trace(lab, primary.name, 'error=EIO');
      try {
        await failedOver();
      } finally {
        await end();
      }
    },
  },
];

/** Until nothing more fits. */
function fill(file: string): void {
  const descriptor = openSync(file, 'w');
  try {
    for (let size = 1 << 20; size >= 512; ) {
      try {
        writeSync(descriptor, Buffer.alloc(size));
      } catch {
        size >>= 1;
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

function missingTracer(): string | undefined {
  return spawnSync('strace', ['-V']).status === 0 ? undefined : 'strace is not installed';
}

/** Tampers with every fsync of the instance's PostgreSQL; the result ends it. */
async function trace(lab: Lab, instance: string, tampering: string): Promise<() => Promise<void>> {
  const agent = lab.pid(instance);
  const attach = lab
    .group(instance)
    .pids.filter((pid) => pid !== agent)
    .flatMap((pid) => ['-p', String(pid)]);
  const calls = 'fsync,fdatasync';
  const args = ['-f', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', `inject=${calls}:${tampering}`, ...attach];
  const tracer = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  await once(tracer.stderr!, 'data');
  return async () => {
    if (tracer.exitCode !== null || tracer.signalCode !== null) return;
    const ended = once(tracer, 'exit');
    tracer.kill('SIGTERM');
    await ended;
  };
}
