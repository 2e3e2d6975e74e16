import type { InstanceReport } from '../../control-plane/model/instance.ts';
import { sameValue } from '../../control-plane/model/same-value.ts';

/** Nothing that the control plane goes by differs. */
export function sameReport(a: InstanceReport, b: InstanceReport): boolean {
  return (
    a.promisedEpoch === b.promisedEpoch &&
    a.systemId === b.systemId &&
    a.timeline === b.timeline &&
    a.history.length === b.history.length &&
    sameValue(a.goal, b.goal) &&
    sameValue(a.postgres, b.postgres)
  );
}
