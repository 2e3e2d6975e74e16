/** Rules for the tags of single instances; the same for documents and for specs that come over the API. */
import { type ClusterSpec, instanceNames, mayVote, whyNoLeader } from '../../model/cluster-spec.ts';

export interface TagProblem {
  /** Below the spec. */
  readonly path: readonly string[];
  readonly message: string;
}

export function tagProblems(spec: ClusterSpec): TagProblem[] {
  const names = instanceNames(spec);
  const range = names.length === 1 ? `only ${names[0]}` : `${names[0]} to ${names.at(-1)}`;
  const problems: TagProblem[] = [];
  for (const [instance, { replicateFrom }] of Object.entries(spec.tags)) {
    if (!names.includes(instance)) {
      problems.push({ path: ['tags', instance], message: `there is no such instance: there is ${range}` });
      continue;
    }
    const message = replicateFrom === '' ? null : sourceProblem(spec, instance, names, range);
    if (message) problems.push({ path: ['tags', instance, 'replicateFrom'], message });
  }
  return problems.length > 0 || Object.keys(spec.tags).length === 0 ? problems : enoughLeft(spec, names);
}

function sourceProblem(spec: ClusterSpec, instance: string, names: readonly string[], range: string): string | null {
  const { replicateFrom } = spec.tags[instance]!;
  if (!names.includes(replicateFrom)) return `is ${replicateFrom}, and there is no such instance: there is ${range}`;
  const passed = [instance];
  for (let at = replicateFrom; at !== ''; at = spec.tags[at]?.replicateFrom ?? '') {
    if (passed.includes(at)) return `must not lead back to itself: ${[...passed, at].join(' from ')}`;
    passed.push(at);
  }
  return null;
}

/** Somebody has to lead, and enough have to vote. */
function enoughLeft(spec: ClusterSpec, names: readonly string[]): TagProblem[] {
  const { mode, quorum } = spec.durability;
  if (names.every((name) => whyNoLeader(spec, name) !== null)) {
    return [{ path: ['tags'], message: 'no instance may lead: take noFailover or applyDelay from one of them' }];
  }
  const voters = names.filter((name) => mayVote(spec, name));
  if (mode === 'async' || quorum === 0 || voters.length > quorum) return [];
  const message = `commits wait for ${quorum} standbys, so ${quorum + 1} instances must be without applyDelay and replicateFrom, and only ${voters.length} are: add instances, or lower durability.quorum`;
  return [{ path: ['tags'], message }];
}
