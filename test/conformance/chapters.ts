/** All behaviours, in the order in which the documentation lists them. */
import { acknowledgements } from './acknowledgements.ts';
import type { Chapter } from './behaviour.ts';
import { changes } from './changes.ts';
import { liveness } from './liveness.ts';
import { ordering } from './ordering.ts';
import { reconnection } from './reconnection.ts';
import { streams } from './streams.ts';
import { subscriptions } from './subscriptions.ts';

export const CHAPTERS: readonly Chapter[] = [
  streams,
  subscriptions,
  acknowledgements,
  changes,
  reconnection,
  ordering,
  liveness,
];
