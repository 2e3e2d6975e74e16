/** HTTP connection managers with routes and filters, valid for us and for Envoy. */
import type { JsonObject } from '../../../proto/json.ts';

const TYPE = 'type.googleapis.com/envoy.extensions.filters';

function filter(name: string, type: string, fields: JsonObject): JsonObject {
  return {
    name: `envoy.filters.http.${name}`,
    typed_config: { '@type': `${TYPE}.http.${name}.v3.${type}`, ...fields },
  };
}

export function httpFilters(): JsonObject[] {
  return [
    filter('local_ratelimit', 'LocalRateLimit', {
      stat_prefix: 'x',
      status: { code: 'TooManyRequests' },
      token_bucket: { max_tokens: 5, fill_interval: '1s' },
      filter_enabled: { default_value: { numerator: 50, denominator: 'HUNDRED' }, runtime_key: 'x' },
    }),
    filter('fault', 'HTTPFault', {
      delay: { fixed_delay: '1s', percentage: { numerator: 1, denominator: 'TEN_THOUSAND' } },
      abort: { http_status: 503, percentage: { numerator: 1 } },
      headers: [{ name: 'x-fault', string_match: { suffix: 'y' } }],
    }),
    filter('cors', 'Cors', {}),
    filter('rbac', 'RBAC', {
      rules: {
        policies: {
          p: {
            permissions: [
              { header: { name: ':path', string_match: { prefix: '/a' } } },
              { url_path: { path: { exact: '/b' } } },
            ],
            principals: [{ any: true }],
          },
        },
      },
    }),
  ];
}

export function httpConnectionManager(
  name: string,
  filters: JsonObject[],
  routes: JsonObject = inlineRoutes(),
): JsonObject {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': `${TYPE}.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: name,
      codec_type: 'AUTO',
      ...routes,
      http_filters: [...filters, filter('router', 'Router', { strict_check_headers: ['x-envoy-max-retries'] })],
      request_timeout: '10s',
      stream_idle_timeout: '60s',
      drain_timeout: '1s',
      max_request_headers_kb: 60,
      common_http_protocol_options: { idle_timeout: '60s', headers_with_underscores_action: 'REJECT_REQUEST' },
      http2_protocol_options: { max_concurrent_streams: 10, hpack_table_size: 4096 },
      server_name: 'x',
      use_remote_address: true,
      path_with_escaped_slashes_action: 'UNESCAPE_AND_REDIRECT',
      local_reply_config: {
        mappers: [
          {
            filter: {
              status_code_filter: { comparison: { op: 'EQ', value: { default_value: 503, runtime_key: 'x' } } },
            },
            status_code: 500,
            headers_to_add: [{ header: { key: 'x-a', value: 'b' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
          },
        ],
      },
    },
  };
}

function inlineRoutes(): JsonObject {
  return {
    route_config: {
      name: 'routes',
      request_headers_to_remove: ['x-remove'],
      response_headers_to_add: [{ header: { key: 'x-b', value: '%PROTOCOL%' } }],
      virtual_hosts: [
        {
          name: 'all',
          domains: ['a.example', '*'],
          retry_policy: {
            retry_on: '5xx',
            num_retries: 2,
            per_try_timeout: '1s',
            retry_back_off: { base_interval: '0.1s', max_interval: '1s' },
          },
          routes: [
            {
              match: {
                prefix: '/a',
                headers: [
                  { name: 'x-h', range_match: { start: '1', end: '5' } },
                  { name: 'x-r', string_match: { safe_regex: { regex: 'a.*' } } },
                ],
                query_parameters: [{ name: 'q', present_match: true }],
                runtime_fraction: { default_value: { numerator: 10 }, runtime_key: 'y' },
              },
              route: {
                cluster: 'a',
                timeout: '5s',
                prefix_rewrite: '/b',
                hash_policy: [{ header: { header_name: 'x-user' } }, { cookie: { name: 'c', ttl: '10s', path: '/' } }],
                request_mirror_policies: [{ cluster: 'b', runtime_fraction: { default_value: { numerator: 1 } } }],
              },
            },
            {
              match: { safe_regex: { regex: '/r/[0-9]+' } },
              redirect: { https_redirect: true, path_redirect: '/x', response_code: 'FOUND' },
            },
            { match: { path: '/d' }, direct_response: { status: 200, body: { inline_string: 'ok' } } },
            { match: { path_separated_prefix: '/p' }, route: { cluster_header: 'x-to' } },
            {
              match: { prefix: '/' },
              route: {
                weighted_clusters: {
                  clusters: [
                    { name: 'a', weight: 50 },
                    { name: 'b', weight: 50, request_headers_to_add: [{ header: { key: 'x-w', value: '1' } }] },
                  ],
                },
              },
            },
          ],
        },
      ],
    },
  };
}
