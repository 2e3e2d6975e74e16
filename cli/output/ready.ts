/** What `howdah up` says when everything runs. */
import type { ClusterStatus } from '../../control-plane/api/contract.ts';
import type { LocalPlan } from '../local/local-howdah.ts';
import type { GivenCluster } from '../local/place.ts';
import type { Colors } from './colors.ts';

type ReadyPlan = Pick<LocalPlan, 'clusters' | 'layout'>;

/** Said before anything listens. */
export function trustNotice(clusters: readonly GivenCluster[]): string[] {
  const trusting = clusters.filter(({ spec }) => spec.postgres.auth === 'trust').map(({ spec }) => spec.name);
  if (trusting.length === 0) return [];
  return [
    `${trusting.join(', ')}: role postgres needs no password on 127.0.0.1 (auth: trust); set spec.postgres.auth: scram to change that`,
  ];
}

export function readyMessage(clusters: readonly ClusterStatus[], plan: ReadyPlan, colors: Colors): string {
  const blocks = clusters.map((cluster) => {
    const spec = plan.clusters.find((given) => given.spec.name === cluster.name)?.spec;
    const passFile = spec?.postgres.auth === 'scram' ? plan.layout.passFile(cluster.name) : undefined;
    return [
      `${colors.green('✓')} ${colors.bold(cluster.name)}  primary ${cluster.primary ?? '-'}, epoch ${cluster.epoch}`,
      `    rw   ${cluster.endpoints.rw}   ${psqlLine(cluster.endpoints.rw, passFile)}`,
      `    ro   ${cluster.endpoints.ro}   ${psqlLine(cluster.endpoints.ro, passFile)}`,
      `    any  ${cluster.endpoints.any}`,
    ].join('\n');
  });
  const state = `state and logs in ${plan.layout.directory}; Ctrl-C stops everything`;
  return `${[...blocks, colors.dim(state)].join('\n')}\n`;
}

/** For a shell. The password itself is never shown: libpq reads it from the file. */
export function psqlLine(endpoint: string, passFile: string | undefined): string {
  const colon = endpoint.lastIndexOf(':');
  const line = `psql -h ${endpoint.slice(0, colon)} -p ${endpoint.slice(colon + 1)} -U postgres`;
  return passFile === undefined ? line : `PGPASSFILE=${shellQuoted(passFile)} ${line}`;
}

function shellQuoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
