// What each Envoy has accepted and refused, in the API's words. Pure.
import type { ProxyState as XdsProxyState } from '../../xds/index.ts';
import type { ProxyState } from '../api/view.ts';

export function proxyStates(proxies: readonly XdsProxyState[]): ProxyState[] {
  return proxies.map(({ node, types }) => ({
    id: node,
    connected: true,
    types: types.map(({ type, sent, acked, nacked }) => ({
      type,
      sent: sent?.version ?? '',
      acked: acked?.version ?? '',
      nacked: nacked && { version: nacked.version, error: nacked.error },
    })),
  }));
}
