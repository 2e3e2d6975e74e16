/** Between the document and the model's ClusterSpec: every default is filled in here and nowhere else. */
import type { ClusterSpec, InstanceTags } from '../../model/cluster-spec.ts';
import { normalizeName, normalizeValue } from './parameters.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from './quantities.ts';
import { API_VERSION, type DocumentSpec, KIND, type PostgresClusterDocument } from './schema.ts';

export function toSpec(document: PostgresClusterDocument): ClusterSpec {
  const { postgres = {}, durability = {}, routes = {}, failover = {}, instances = 3, tags = {} } = document.spec ?? {};
  const mode = durability.mode ?? (instances === 1 ? 'async' : 'strict');
  const parameters = Object.entries(postgres.parameters ?? {});
  return {
    name: document.metadata.name,
    instances,
    postgres: {
      parameters: Object.fromEntries(parameters.map(([name, value]) => [normalizeName(name), normalizeValue(value)])),
      auth: postgres.auth ?? 'trust',
    },
    durability: { mode, quorum: durability.quorum ?? (mode === 'async' ? 0 : 1) },
    routes: {
      rw: { port: routes.rw?.port ?? 0 },
      ro: {
        port: routes.ro?.port ?? 0,
        maxLagBytes: bytes(routes.ro?.maxLag ?? '16MiB'),
        fallback: routes.ro?.fallback ?? 'primary',
      },
      any: { port: routes.any?.port ?? 0 },
    },
    failover: {
      automatic: failover.automatic ?? true,
      suspectAfterMs: milliseconds(failover.suspectAfter ?? '1s'),
      restAfterSilenceMs: milliseconds(failover.restAfterSilence ?? '60s'),
      leaseMs: milliseconds(failover.lease ?? '5s'),
    },
    tags: Object.fromEntries(Object.entries(tags).map(([instance, tag]) => [instance, toTags(tag)])),
  };
}

function toTags({ applyDelay = '0ms', ...tag }: NonNullable<DocumentSpec['tags']>[string]): InstanceTags {
  const applyDelayMs = milliseconds(applyDelay);
  return {
    noFailover: tag.noFailover ?? false,
    priority: tag.priority ?? 0,
    applyDelayMs,
    replicateFrom: tag.replicateFrom ?? '',
    reads: tag.reads ?? applyDelayMs === 0,
  };
}

function fromTags({ applyDelayMs, replicateFrom, ...tags }: InstanceTags) {
  const from = replicateFrom === '' ? {} : { replicateFrom };
  return { ...tags, applyDelay: formatDuration(applyDelayMs), ...from };
}

/** The inverse of toSpec, with every default written out. */
export function toDocument(spec: ClusterSpec): PostgresClusterDocument {
  const { routes, failover } = spec;
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name: spec.name },
    spec: {
      instances: spec.instances,
      postgres: { parameters: { ...spec.postgres.parameters }, auth: spec.postgres.auth },
      durability: { mode: spec.durability.mode, quorum: spec.durability.quorum },
      routes: {
        rw: { port: routes.rw.port },
        ro: { port: routes.ro.port, maxLag: formatSize(routes.ro.maxLagBytes), fallback: routes.ro.fallback },
        any: { port: routes.any.port },
      },
      failover: {
        automatic: failover.automatic,
        suspectAfter: formatDuration(failover.suspectAfterMs),
        restAfterSilence: formatDuration(failover.restAfterSilenceMs),
        lease: formatDuration(failover.leaseMs),
      },
      tags: Object.fromEntries(Object.entries(spec.tags).map(([instance, tags]) => [instance, fromTags(tags)])),
    },
  };
}

// The schema let only what can be parsed through.
function milliseconds(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new RangeError(`not a duration: ${text}`);
  return ms;
}

function bytes(value: string | number): number {
  const size = typeof value === 'number' ? value : parseSize(value);
  if (size === undefined) throw new RangeError(`not a size: ${value}`);
  return size;
}
