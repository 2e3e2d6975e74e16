/** What samples of several kinds consist of. */
import type { JsonObject } from '../../../proto/json.ts';

export type SampleKind = 'cluster' | 'listener' | 'endpoints' | 'secret' | 'bootstrap';

export interface Sample {
  readonly name: string;
  readonly kind: SampleKind;
  readonly resource: JsonObject;
}

export function any(type: string, fields: JsonObject = {}): JsonObject {
  return { '@type': `type.googleapis.com/${type}`, ...fields };
}

export function extension(name: string, type: string, fields: JsonObject = {}): JsonObject {
  return { name, typed_config: any(type, fields) };
}

/** Of no authority: made for these samples, and its key thrown away. */
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUPQmACqGNCYGYn1JGMnzPjmWsoD8wCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjMwNDQ4MTlaGA8yMTI2MTAzMDA0NDgx
OVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEN+
+DMqawgXMxCka+HBqJuCbtsBub3zUQb+wI+KQMNS+2/tcHJ6YVPtLSHENuAa38Wm
+nXoZEIULeMFr8DcyN+jUzBRMB0GA1UdDgQWBBQ1Whi1QwMhvJyUTG7IahKhbs9a
6jAfBgNVHSMEGDAWgBQ1Whi1QwMhvJyUTG7IahKhbs9a6jAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIAdm2pwkuYCdEqmeWK3zfKDeWCCPsMeRJ8HJ
iCszK4vSAiEA8A+U5Qk3KB7aMzhIcctHcTMYgjIpvbJZlO+HRJkvPo8=
-----END CERTIFICATE-----
`;

export const ADS: JsonObject = { ads: {}, resource_api_version: 'V3' };

export function socket(address: string, port: number): JsonObject {
  return { socket_address: { address, port_value: port } };
}

export function assignment(cluster: string): JsonObject {
  return {
    cluster_name: cluster,
    policy: { overprovisioning_factor: 140, drop_overloads: [{ category: 'all', drop_percentage: { numerator: 1 } }] },
    endpoints: [
      {
        locality: { region: 'r', zone: 'z', sub_zone: 's' },
        load_balancing_weight: 1,
        priority: 0,
        lb_endpoints: [
          {
            endpoint: {
              address: socket('127.0.0.1', 80),
              hostname: 'a',
              health_check_config: { port_value: 81, hostname: 'h' },
            },
            health_status: 'HEALTHY',
            load_balancing_weight: 10,
            metadata: { filter_metadata: { 'envoy.lb': { stage: 'test' } } },
          },
          { endpoint: { address: socket('127.0.0.2', 80) } },
        ],
      },
      { priority: 1, lb_endpoints: [{ endpoint: { address: { pipe: { path: '/run/x', mode: 438 } } } }] },
    ],
  };
}

export const TLS = 'envoy.extensions.transport_sockets.tls.v3';
export const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
