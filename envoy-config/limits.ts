// Every number of the generated configuration that is a choice, with the reason for it.
import type { JsonObject } from '../proto/json.ts';

/**
 * Envoy's default of 1024 would refuse sessions long before PostgreSQL's own max_connections does. High enough never
 * to decide; PostgreSQL decides.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/circuit_breaker.proto
 */
const MAX_SESSIONS = 65_536;

export const CIRCUIT_BREAKERS: JsonObject = {
  thresholds: [{ max_connections: MAX_SESSIONS, max_pending_requests: MAX_SESSIONS, max_requests: MAX_SESSIONS }],
};

/** All of one proxy's sessions together, of all its listeners. */
export const MAX_DOWNSTREAM_CONNECTIONS = 65_536;

/**
 * Bytes that Envoy buffers for a reader slower than its sender, in each direction, before it stops reading. Envoy's
 * default of 1 MiB would let a thousand slow COPYs take 2 GB.
 */
export const CONNECTION_BUFFER_BYTES = 262_144;

/** A SYN is answered within a round trip or lost; a second is Linux's first retransmission. */
export const CONNECT_TIMEOUT = '1s';
/** Of a standby, which has nobody else to connect to: the second retransmission. */
export const REPLICATION_CONNECT_TIMEOUT = '3s';

/** ro and any may try another instance; rw and replication have only one. */
export const READ_CONNECT_ATTEMPTS = 3;

const KEEPALIVE = { idleSeconds: 10, intervalSeconds: 5, probes: 3 };

/**
 * Idle sessions to a host that vanished end after 25 s, where Linux would take over two hours. TCP_USER_TIMEOUT would
 * cover busy ones too, but also ends those whose client reads nothing for a while (zero window; tcp(7)): a cursor that
 * waits for a person. Health checks end the busy ones.
 */
export const UPSTREAM_KEEPALIVE: JsonObject = {
  keepalive_time: KEEPALIVE.idleSeconds,
  keepalive_interval: KEEPALIVE.intervalSeconds,
  keepalive_probes: KEEPALIVE.probes,
};

/**
 * The same for clients, so that a vanished one frees its backend. Accepted sockets inherit the options of the
 * listening one; levels and names are Linux's (SOL_SOCKET 1, IPPROTO_TCP 6).
 */
export const DOWNSTREAM_KEEPALIVE: readonly JsonObject[] = [
  { description: 'SO_KEEPALIVE', level: 1, name: 9, int_value: 1 },
  { description: 'TCP_KEEPIDLE', level: 6, name: 4, int_value: KEEPALIVE.idleSeconds },
  { description: 'TCP_KEEPINTVL', level: 6, name: 5, int_value: KEEPALIVE.intervalSeconds },
  { description: 'TCP_KEEPCNT', level: 6, name: 6, int_value: KEEPALIVE.probes },
];
