/** Every fault by name. */
import type { Fault } from './fault.ts';
import { CONTROL_PLANE_FAULTS } from './faults/control-plane.ts';
import { NETWORK_FAULTS } from './faults/network.ts';
import { PROCESS_FAULTS } from './faults/process.ts';

export const FAULTS: readonly Fault[] = [...PROCESS_FAULTS, ...NETWORK_FAULTS, ...CONTROL_PLANE_FAULTS];
