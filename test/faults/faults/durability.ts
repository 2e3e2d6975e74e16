/** Clusters that promise less: what they lose must be seen. */
import type { Fault } from '../fault.ts';
import { NO_REST } from '../lab/lab.ts';

export const DURABILITY_FAULTS: readonly Fault[] = [
  {
    name: 'async-primary-left-with-clients',
    says: 'an asynchronous cluster whose primary is cut from all but its clients: what it acknowledges meanwhile is lost, and that is seen',
    failovers: [1, 1],
    losesCommits: true,
    lab: { spec: `instances: 3, durability: { mode: async }, ${NO_REST}` },
    async strike({ lab, primary, failedOver }) {
      lab.network.isolate(primary.name, ['host']);
      await failedOver();
    },
  },
];
