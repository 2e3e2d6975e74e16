/**
 * DIR/placements.json: the ports and socket directories of everything that one `howdah up` runs, kept so that
 * addresses stay the same from one run to the next.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { HowdahError } from '../../control-plane/model/errors.ts';

const port = z.int().min(1).max(65535);
const routes = z.object({ rw: port, ro: port, any: port });
const instance = z.object({
  host: z.string().min(1),
  zone: z.string(),
  ports: z.object({ ...routes.shape, mesh: port, meshRw: port, replication: port, health: port }),
  socketDir: z.string().startsWith('/'),
});
const cluster = z.object({
  /** The file that the cluster was last given in: for the message when it is missing. */
  file: z.string(),
  /** Ports of the gateway, for applications. */
  routes,
  instances: z.record(z.string(), instance),
});
const placements = z.object({
  version: z.literal(1),
  controlPlane: z.object({ api: port, xds: port }),
  /** Of the second control plane and those after it. */
  moreControlPlanes: z.array(z.object({ api: port, xds: port })).default([]),
  /** What the records were begun with. */
  store: z.enum(['file', 'own-etcd', 'etcd']).default('file'),
  /** Ports of an etcd of our own; absent without one. */
  etcd: z.object({ client: port, peer: port }).optional(),
  /** Where links to directories with long names are; absent where no name is too long. */
  links: z.string().startsWith('/').optional(),
  clusters: z.record(z.string(), cluster),
});

export type LocalPlacements = z.output<typeof placements>;
export type ClusterPlacement = z.output<typeof cluster>;
export type InstancePlacement = z.output<typeof instance>;

/**
 * Undefined when there was no run yet.
 * @throws HowdahError `corrupted` for a file that is not ours.
 */
export function readPlacements(file: string): LocalPlacements | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  let parsed: ReturnType<typeof placements.safeParse>;
  try {
    parsed = placements.safeParse(JSON.parse(text));
  } catch (error) {
    throw damaged(file, String(error), error);
  }
  if (!parsed.success) throw damaged(file, z.prettifyError(parsed.error), parsed.error);
  return parsed.data;
}

/** Written beside and moved over, so that a crash leaves the old or the new one. */
export function writePlacements(file: string, value: LocalPlacements): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function damaged(file: string, detail: string, cause: unknown): HowdahError {
  const message = `${file} is damaged (${detail}): remove it and other ports are chosen; the data is not touched`;
  return new HowdahError('corrupted', message, { cause });
}
