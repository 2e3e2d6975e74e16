// What a ClusterSpec may not say although each field alone is in range. For specs that arrive over the API.
import type { ClusterSpec } from '../model/cluster-spec.ts';
import type { Problem } from '../model/errors.ts';
import { parameterProblem } from './document/parameters.ts';
import { tagProblems } from './document/tags.ts';

/** Every mistake of a spec that is to be stored as the cluster `name`; its ports must have been chosen. */
export function specProblems(spec: ClusterSpec, name: string): Problem[] {
  return [
    ...nameProblems(spec, name),
    ...durabilityProblems(spec),
    ...parameterProblems(spec),
    ...portProblems(spec),
    ...ofTags(spec),
  ];
}

function nameProblems(spec: ClusterSpec, name: string): Problem[] {
  if (spec.name === name) return [];
  return [{ path: 'name', message: `is ${spec.name}, but the request is for ${name}` }];
}

function durabilityProblems({ durability, instances }: ClusterSpec): Problem[] {
  const { mode, quorum } = durability;
  const path = 'durability.quorum';
  if (mode === 'async') return quorum === 0 ? [] : [{ path, message: 'must be 0 with mode async' }];
  if (quorum < 1) return [{ path, message: `must be at least 1 with mode ${mode}` }];
  if (quorum >= instances) return [{ path, message: `must be less than instances (${instances})` }];
  return [];
}

function parameterProblems({ postgres, durability }: ClusterSpec): Problem[] {
  return Object.entries(postgres.parameters).flatMap(([name, value]) => {
    const message = parameterProblem(name, value, durability.mode);
    return message ? [{ path: `postgres.parameters.${name}`, message }] : [];
  });
}

function ofTags(spec: ClusterSpec): Problem[] {
  return tagProblems(spec).map(({ path, message }) => ({ path: path.join('.'), message }));
}

function portProblems({ routes }: ClusterSpec): Problem[] {
  const problems: Problem[] = [];
  const taken = new Map<number, string>();
  for (const [route, { port }] of Object.entries(routes)) {
    const path = `routes.${route}.port`;
    const other = taken.get(port);
    if (port === 0) problems.push({ path, message: 'must be chosen before the cluster is stored' });
    else if (other) problems.push({ path, message: `is the port of ${other} too` });
    else taken.set(port, route);
  }
  return problems;
}
