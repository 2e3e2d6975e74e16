/** Wall clocks that jump: no decision may change. */
import type { Fault } from '../fault.ts';
import { missingClock } from '../lab/clock.ts';
import { CONTROL_PLANE } from '../lab/lab.ts';

const HOLD_MS = 8_000;

export const CLOCK_FAULTS: readonly Fault[] = [
  jump('an-hour-forward', '+1h'),
  jump('an-hour-back', '-1h'),
  jump('ten-years-forward', '+3650d'),
  jump('ten-years-back', '-3650d'),
  {
    name: 'clock-jumps-in-failover',
    says: 'the clock of the control plane jumps by ten years, and the primary dies: the failover takes as long as ever',
    failovers: [1, 2],
    writesOutMostMs: 4_000,
    lab: { clocks: true },
    missing: missingClock,
    async strike({ lab, primary, failedOver, hold }) {
      lab.setClock(CONTROL_PLANE, '+3650d');
      await hold(2_000);
      process.kill(primary.pids.postgres, 'SIGKILL');
      await failedOver();
    },
  },
];

function jump(how: string, shift: string): Fault {
  return {
    name: `clock-${how}`,
    says: `the clocks of the primary and of the control plane jump by ${shift}, one after the other: nothing happens`,
    failovers: [0, 0],
    writesOutMostMs: 1_000,
    lab: { clocks: true },
    missing: missingClock,
    async strike({ lab, primary, hold }) {
      for (const node of [primary.name, CONTROL_PLANE]) {
        lab.setClock(node, shift);
        await hold(HOLD_MS);
      }
    },
  };
}
