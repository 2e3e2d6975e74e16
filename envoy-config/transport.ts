/**
 * How one proxy talks to another: the seam for mutual TLS. Now plain TCP, with a port for writes (meshRw) and one for
 * everything else (mesh).
 *
 * With identities, upstreamTransport() answers a `transport_socket` of type UpstreamTlsContext whose SNI is the name of
 * the EnvoyCluster (`e42.rw.orders`), and meshChains() one filter chain for each SNI that this instance serves now, with
 * a DownstreamTlsContext, on one port. The fence is then what it is now with the two ports: the chain of `e42.rw.orders`
 * is there only on the primary of epoch 42, so neither a stale proxy nor a stale primary can join the two. Health checks
 * take the same port by ALPN. Nothing outside of this file and of the IR's mesh ports changes.
 */

import type { JsonObject } from '../proto/json.ts';
import type { LocalInstanceIr } from './ir.ts';
import { MESH_LISTENER, meshRwListenerName } from './names.ts';

/** The fields of an EnvoyCluster that say how its hosts are talked to. */
export function upstreamTransport(): JsonObject {
  return {};
}

/** One port that other proxies connect to. */
export interface MeshPort {
  readonly name: string;
  readonly port: number;
}

/** The ports on which this instance takes sessions from other proxies. */
export function meshPorts(local: LocalInstanceIr): MeshPort[] {
  const mesh = { name: MESH_LISTENER, port: local.meshPort };
  if (local.writableEpoch === 0) return [mesh];
  return [mesh, { name: meshRwListenerName(local.writableEpoch), port: local.meshRwPort }];
}
