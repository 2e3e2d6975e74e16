/** What a document may not say although each field alone is right. */
import type { ClusterSpec } from '../../model/cluster-spec.ts';
import { normalizeName, parameterProblem } from './parameters.ts';
import type { Path } from './path.ts';
import type { PostgresClusterDocument } from './schema.ts';
import type { Shape, ShapeProblem } from './shape.ts';
import { tagProblems } from './tags.ts';

export function checkRules(document: PostgresClusterDocument, spec: ClusterSpec, shape: Shape): ShapeProblem[] {
  return [
    ...durabilityProblems(document, spec, shape),
    ...parameterProblems(document, spec, shape),
    ...specTagProblems(spec, shape),
  ];
}

function durabilityProblems(document: PostgresClusterDocument, spec: ClusterSpec, shape: Shape): ShapeProblem[] {
  const { mode, quorum } = spec.durability;
  const { instances } = spec;
  const at = (field: string, message: string) => [{ path: ['spec', 'durability', field], message }];
  // A default that stands in for a wrong value says nothing about what was meant.
  const known = (...fields: Path) => fields.every((field) => !shape.broken(['spec', ...String(field).split('.')]));
  if (!known('durability.mode', 'durability.quorum')) return [];
  if (mode === 'async') {
    return quorum === 0
      ? []
      : at('quorum', `must be 0 or left out with mode async, is ${quorum}: nobody is waited for`);
  }
  if (quorum === 0) return at('quorum', `must be 1 or more with mode ${mode}, is 0: mode async waits for nobody`);
  if (!known('instances') || quorum < instances) return [];
  if (document.spec?.durability?.quorum !== undefined) {
    return at('quorum', `must be less than spec.instances (${instances}), is ${quorum}: the primary doesn't count`);
  }
  return at('mode', `is ${mode}, which needs a standby: set spec.instances to 2 or more, or the mode to async`);
}

function specTagProblems(spec: ClusterSpec, shape: Shape): ShapeProblem[] {
  if (['instances', 'durability', 'tags'].some((field) => shape.broken(['spec', field]))) return [];
  return tagProblems(spec).map(({ path, message }) => ({ path: ['spec', ...path], message }));
}

function parameterProblems(document: PostgresClusterDocument, spec: ClusterSpec, shape: Shape): ShapeProblem[] {
  const modeKnown = !shape.broken(['spec', 'durability', 'mode']) && !shape.broken(['spec', 'instances']);
  const mode = modeKnown ? spec.durability.mode : undefined;
  const seen = new Map<string, string>();
  const problems: ShapeProblem[] = [];
  for (const [name, value] of Object.entries(document.spec?.postgres?.parameters ?? {})) {
    const path = ['spec', 'postgres', 'parameters', name];
    const earlier = seen.get(normalizeName(name));
    const message = earlier
      ? `is the same setting as ${earlier}: remove one of the two`
      : parameterProblem(name, value, mode);
    if (message) problems.push({ path, message });
    seen.set(normalizeName(name), name);
  }
  return problems;
}

/** A document among others, with the place that its mistakes are reported at. */
export interface Entry {
  readonly document: PostgresClusterDocument;
  readonly file: string;
  line(path: Path): number;
}

export interface EntryProblem extends ShapeProblem {
  readonly entry: Entry;
}

/** Names and ports that more than one document, or one document twice, lays claim to. The first one has it. */
export function checkTogether(entries: readonly Entry[]): EntryProblem[] {
  const problems: EntryProblem[] = [];
  const names = new Map<string, string>();
  const ports = new Map<number, string>();
  for (const entry of entries) {
    const { name } = entry.document.metadata;
    const place = (path: Path) => `${entry.file}:${entry.line(path)}`;
    const path = ['metadata', 'name'];
    const holder = names.get(name);
    if (holder) problems.push({ entry, path, message: `is ${name}, as is the cluster at ${holder}: rename one` });
    else names.set(name, place(path));
    for (const [route, { port = 0 } = {}] of Object.entries(entry.document.spec?.routes ?? {})) {
      if (port === 0) continue;
      const path = ['spec', 'routes', route, 'port'];
      const taken = ports.get(port);
      if (taken) problems.push({ entry, path, message: `is ${port}, which ${taken} has: choose another, or 0` });
      else ports.set(port, `${name}'s route ${route} (${place(path)})`);
    }
  }
  return problems;
}
