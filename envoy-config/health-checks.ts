// Envoy's own view of each instance, asked of the agent beside it: the second line that ends sessions when the control
// plane's push does not arrive, and the one that keeps a proxy from a host that vanished.

import type { JsonObject } from '../proto/json.ts';
import type { RouteIr } from './ir.ts';

/**
 * A status other than 200 counts at once whatever the threshold is; a host that is silent or refuses is out after
 * timeout + interval. A new EnvoyCluster takes traffic only after its hosts' first round, so one silent host holds its
 * own route up for the timeout, and at Envoy's start all others too (measured: 665 ms).
 *
 * Until an EnvoyCluster had its first session the `no_traffic` intervals rule (60 s by default).
 */
const TIMING: JsonObject = {
  timeout: '0.6s',
  interval: '0.2s',
  no_traffic_interval: '0.2s',
  unhealthy_threshold: 1,
  healthy_threshold: 1,
};

/**
 * Reads that nobody asks for through this proxy, as on most database pods, are checked less often while all is well. A
 * host that is not fit is asked as often as ever, and rw too: its EnvoyCluster is new with each epoch.
 */
const UNUSED_READS: JsonObject = { no_traffic_healthy_interval: '1s' };

/**
 * The fields of an EnvoyCluster that check its hosts. None for replication: a standby must reach a primary that serves
 * nobody yet, and PostgreSQL's wal_receiver_timeout ends a dead stream.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/health_check.proto
 */
export function healthChecking(route: RouteIr): JsonObject {
  const path = healthPath(route);
  if (path === null) return {};
  return {
    health_checks: [{ ...TIMING, ...(route.kind === 'rw' ? {} : UNUSED_READS), http_health_check: { path } }],
    close_connections_on_host_health_failure: true,
    // A host that the control plane took out is out, even while its agent still answers.
    ignore_health_on_host_removal: true,
  };
}

/** What the agent is asked; null = nothing. The agent's health endpoint defines the paths. */
function healthPath(route: RouteIr): string | null {
  switch (route.kind) {
    case 'rw':
      return `/primary?epoch=${route.epoch}`;
    case 'ro':
      return `/standby?maxLag=${route.maxLagBytes}${route.fallback === 'none' ? '' : '&orPrimary=true'}`;
    case 'any':
      return '/ready';
    case 'replication':
      return null;
  }
}
