/** What keeps a snapshot from being published: everything that is wrong with it, in one error. */

export interface SnapshotProblem {
  /** For example `type.googleapis.com/envoy.config.listener.v3.Listener`. */
  readonly typeUrl: string;
  /** Name of the resource; '' when it has none. */
  readonly resource: string;
  /** Where in it: `$` is the resource, `$.filter_chains[0].filters` a field. */
  readonly path: string;
  readonly message: string;
}

/** How many are told in the error's message; `problems` has all of them. */
const TOLD = 20;

/** Nothing of the snapshot goes out: proxies keep what they have. */
export class InvalidSnapshot extends Error {
  readonly problems: readonly SnapshotProblem[];

  constructor(problems: readonly SnapshotProblem[]) {
    const told = problems.slice(0, TOLD).map(problemText);
    if (problems.length > TOLD) told.push(`and ${problems.length - TOLD} more`);
    super(told.join('; '));
    this.name = 'InvalidSnapshot';
    this.problems = problems;
  }
}

/** `Listener rw $.address: must be set` */
export function problemText({ typeUrl, resource, path, message }: SnapshotProblem): string {
  return `${typeUrl.slice(typeUrl.lastIndexOf('.') + 1)} ${resource === '' ? '(no name)' : resource} ${path}: ${message}`;
}
