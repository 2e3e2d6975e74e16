/** How the WAL receiver of a standby gets a connection: to whom the route leads, on a slot that nobody else uses. */
import { parseSync } from '../../control-plane/model/sync.ts';
import { continues, type Disk } from './disk-model.ts';
import type { PostgresModel } from './postgres-model.ts';
import type { SettingsModel } from './settings-model.ts';
import { WalStream } from './wal-stream.ts';

/** null = there is to be none, or nobody takes it now. */
export function connect(
  standby: PostgresModel,
  disk: Disk,
  { conninfo, slot, applicationName }: SettingsModel,
): WalStream | null {
  const { network, upstreamOf } = standby.world;
  const source = conninfo === '' ? undefined : upstreamOf(standby.name);
  const from = source?.disk;
  if (!source || !from || source === standby || !source.running || source.freezer.frozen) return null;
  if (!network.connected(standby.name, source.name) || !continues(from, disk)) return null;
  // A slot serves one connection at a time.
  if (!from.slots.includes(slot) || source.streams.serves(slot)) return null;
  const stream = new WalStream({ source, standby }, applicationName, slot);
  stream.sync = parseSync(from.override.synchronousStandbyNames);
  standby.streams.upstream = stream;
  if (!from.reserved.includes(slot)) from.reserved.push(slot);
  source.streams.opened(stream);
  return stream;
}
