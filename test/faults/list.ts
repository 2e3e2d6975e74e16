/** Every fault by name. */
import type { Fault } from './fault.ts';
import { CLOCK_FAULTS } from './faults/clock.ts';
import { CONTROL_PLANE_FAULTS } from './faults/control-plane.ts';
import { DISK_FAULTS } from './faults/disk.ts';
import { DURABILITY_FAULTS } from './faults/durability.ts';
import { HAND_FAULTS } from './faults/hands.ts';
import { LEADER_FAULTS } from './faults/leaders.ts';
import { NETWORK_FAULTS } from './faults/network.ts';
import { PROCESS_FAULTS } from './faults/process.ts';
import { REJOIN_FAULTS } from './faults/rejoin.ts';
import { STORE_FAULTS } from './faults/store.ts';

export const FAULTS: readonly Fault[] = [
  ...PROCESS_FAULTS,
  ...HAND_FAULTS,
  ...REJOIN_FAULTS,
  ...NETWORK_FAULTS,
  ...CONTROL_PLANE_FAULTS,
  ...LEADER_FAULTS,
  ...STORE_FAULTS,
  ...CLOCK_FAULTS,
  ...DISK_FAULTS,
  ...DURABILITY_FAULTS,
];
