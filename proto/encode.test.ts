import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode } from './decode.ts';
import { encode } from './encode.ts';
import type { Json, JsonObject } from './json.ts';
import { messageOf } from './registry.ts';
import { methodDefinition } from './service.ts';

const LISTENER: JsonObject = {
  name: 'rw',
  address: { socket_address: { address: '127.0.0.1', port_value: 5432 } },
  filter_chains: [
    {
      filter_chain_match: { server_names: ['e42.rw'] },
      filters: [
        {
          name: 'envoy.filters.network.tcp_proxy',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
            stat_prefix: 'rw',
            cluster: 'e42.rw.orders',
            idle_timeout: '0s',
          },
        },
      ],
    },
  ],
  enable_reuse_port: false,
  metadata: { filter_metadata: { howdah: { epoch: 42, tags: ['a', null, { b: true }], text: '' } } },
};

describe('Envoy messages', () => {
  it.each<[string, JsonObject]>([
    ['envoy.config.listener.v3.Listener', LISTENER],
    [
      'envoy.config.cluster.v3.Cluster',
      {
        name: 'x',
        type: 'EDS',
        connect_timeout: '0.25s',
        lb_policy: 'LEAST_REQUEST',
        circuit_breakers: { thresholds: [{ max_connections: 4294967295 }] },
        common_lb_config: { healthy_panic_threshold: {} },
        health_checks: [
          {
            timeout: '0.000000001s',
            interval: '1.5s',
            unhealthy_threshold: 1,
            healthy_threshold: 1,
            http_health_check: { path: '/primary?epoch=42' },
          },
        ],
        upstream_connection_options: { tcp_keepalive: { keepalive_time: 10 } },
      },
    ],
    [
      'envoy.config.endpoint.v3.ClusterLoadAssignment',
      {
        cluster_name: 'x',
        endpoints: [
          {
            lb_endpoints: [
              {
                endpoint: { address: { pipe: { path: '/run/.s.PGSQL.5432' } } },
                load_balancing_weight: 128,
              },
            ],
          },
        ],
      },
    ],
  ])('keep every field of a %s', (type, json) => {
    expect(decode(type, encode(type, json))).toEqual(json);
  });

  it.each<[string, JsonObject]>([
    ['validate.Int32Rules', { const: -1, lt: 2147483647, in: [0, 1, 127, 128, -2147483648] }],
    ['validate.Int64Rules', { const: '-1', lt: '9223372036854775807', in: ['0', '300', '-9223372036854775808'] }],
    ['validate.UInt32Rules', { const: 0, lt: 4294967295, in: [127, 128, 16384, 2097152, 268435456] }],
    ['validate.UInt64Rules', { const: '0', lt: '18446744073709551615', in: ['128', '4294967296', '34359738368'] }],
    ['validate.SInt32Rules', { const: -1, in: [0, 1, -64, 64, 2147483647, -2147483648] }],
    ['validate.SInt64Rules', { const: '-1', in: ['0', '1', '9223372036854775807', '-9223372036854775808'] }],
    ['validate.Fixed32Rules', { const: 4294967295, in: [1, 256] }],
    ['validate.Fixed64Rules', { const: '18446744073709551615', in: ['1', '4294967296'] }],
    ['validate.SFixed32Rules', { const: -2, in: [1, -256] }],
    ['validate.SFixed64Rules', { const: '-2', in: ['1', '-4294967296'] }],
    ['validate.FloatRules', { const: 0.5, in: [-2, 'Infinity'] }],
    ['validate.DoubleRules', { const: 0.1, in: [-1e300, '-Infinity'] }],
    ['validate.BoolRules', { const: true }],
    ['validate.StringRules', { const: 'ö€😀', in: ['', 'x'.repeat(64), 'x'.repeat(65), `${'x'.repeat(200)}ü`] }],
    ['validate.BytesRules', { const: 'AAEC', in: ['/w=='] }],
    ['validate.EnumRules', { in: [1, 2] }],
    ['envoy.config.core.v3.Metadata', { filter_metadata: { b: { x: 1 }, a: {}, c: { y: [true] } } }],
    ['envoy.config.route.v3.RetryPolicy', { retriable_status_codes: [503, 70000, 1], num_retries: 3 }],
    ['google.protobuf.FieldMask', { paths: ['a', 'b'] }],
  ])('hold what any reader of protobuf finds in a %s, each field once and in order', (type, json) => {
    const shape = messageOf(type);
    const bytes = encode(type, json);
    const reader = decode(type, bytes);
    expect(reader).toEqual(json);
    expect(Buffer.from(shape.toBytes(shape.fromBytes(bytes)))).toEqual(bytes);
  });

  it('of more than all memory kept for them are written all the same', () => {
    const name = 'x'.repeat(3 * 1024 * 1024);
    const bytes = encode('envoy.config.cluster.v3.Cluster', { name, type: 'EDS' });
    expect(decode('envoy.config.cluster.v3.Cluster', bytes)).toEqual({ name, type: 'EDS' });
    expect(encode('envoy.config.core.v3.SocketAddress', { address: 'a' }).length).toBe(3);
  });

  it('leave nothing of one that failed in the next', () => {
    expect(() => encode('envoy.config.cluster.v3.Cluster', { type: 'EDS', name: 5, alt_stat_name: 'y' })).toThrow();
    expect(encode('envoy.config.core.v3.SocketAddress', { address: 'a' }).length).toBe(3);
  });

  it('have the bytes that protobuf gives them', () => {
    const bytes = encode('envoy.config.core.v3.SocketAddress', { address: 'a', port_value: 300 });
    expect([...bytes]).toEqual([0x12, 1, 0x61, 0x18, 0xac, 0x02]);
  });

  it('do not depend on the order of fields and keys', () => {
    const reversed = (json: Json | undefined): Json | undefined => {
      if (Array.isArray(json)) return json.map((member) => reversed(member) ?? null);
      if (typeof json !== 'object' || json === null) return json;
      const entries = Object.entries(json).reverse();
      return Object.fromEntries(entries.map(([key, member]) => [key, reversed(member)]));
    };
    const type = 'envoy.config.listener.v3.Listener';
    expect(encode(type, reversed(LISTENER) ?? null)).toEqual(encode(type, LISTENER));
  });

  it.each<[string, Json, string, string]>([
    ['Cluster', { nam: 'x' }, '$.nam', 'no such field'],
    ['Cluster', { name: 5 }, '$.name', 'expected text, not 5'],
    ['Cluster', { connect_timeout: 5 }, '$.connect_timeout', '"0.25s"'],
    ['Cluster', { connect_timeout: '5' }, '$.connect_timeout', '"0.25s"'],
    ['Cluster', { type: 'EDSS' }, '$.type', 'STRICT_DNS'],
    ['Cluster', { type: 'EDS', cluster_type: {} }, '$.cluster_type', 'only one of type and cluster_type'],
    ['Cluster', { health_checks: {} }, '$.health_checks', 'expected a list'],
    ['Cluster', { health_checks: [{ timeout: '1s' }, { no: 1 }] }, '$.health_checks[1].no', 'no such field'],
    [
      'Cluster',
      { per_connection_buffer_limit_bytes: 2 ** 32 },
      '$.per_connection_buffer_limit_bytes',
      'is not between',
    ],
    ['Cluster', { per_connection_buffer_limit_bytes: 1.5 }, '$.per_connection_buffer_limit_bytes', 'whole number'],
    ['Cluster', { metadata: { filter_metadata: { x: [] } } }, '$.metadata.filter_metadata.x', 'expected an object'],
    ['Cluster', { transport_socket: { typed_config: {} } }, '$.transport_socket.typed_config.@type', 'expected text'],
    [
      'Cluster',
      { transport_socket: { typed_config: { '@type': 'type.googleapis.com/no.Such' } } },
      '$.transport_socket.typed_config.@type',
      'no message type',
    ],
    ['Cluster', [], '$', 'expected an object'],
    ['Cluster', null, '$', 'expected an object'],
    ['NoSuchType', {}, '$', 'no message type'],
  ])('%s %j is refused at %s %s', (type, json, path, text) => {
    const encoding = () => encode(`envoy.config.cluster.v3.${type}`, json);
    expect(encoding).toThrow(
      expect.objectContaining({ name: 'ProtoError', path, detail: expect.stringContaining(text) }),
    );
  });

  it('are refused when the bytes are none', () => {
    expect(() => decode('envoy.config.cluster.v3.Cluster', Buffer.from([0xff]))).toThrow('are no envoy.config.cluster');
  });
});

describe('types with a JSON form of their own', () => {
  const roundTrip = (type: string, json: Json) => {
    const any = { '@type': `type.googleapis.com/google.protobuf.${type}`, value: json };
    return decode('google.protobuf.Any', encode('google.protobuf.Any', any)).value;
  };

  it.each<[string, Json]>([
    ['Duration', '0s'],
    ['Duration', '-0.5s'],
    ['Duration', '-3.000000001s'],
    ['Timestamp', '2030-01-31T12:00:00Z'],
    ['Timestamp', '1969-12-31T23:59:59.25Z'],
    ['BoolValue', false],
    ['UInt32Value', 0],
    ['StringValue', ''],
    ['BytesValue', 'AAEC'],
    ['UInt64Value', '18446744073709551615'],
    ['Int64Value', '-9223372036854775808'],
    ['DoubleValue', 'NaN'],
  ])('%s %j', (type, json) => {
    expect(roundTrip(type, json)).toEqual(json);
  });

  it('any JSON object is a Struct', () => {
    const noMinusZero = (_key: string, value: unknown) => (value === 0 ? 0 : value);
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ stringUnit: 'grapheme' })), (value) => {
        const json: JsonObject = JSON.parse(JSON.stringify(value, noMinusZero));
        expect(roundTrip('Struct', json)).toEqual(json);
      }),
    );
  });

  it('durations of any length come back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 19n), max: 10n ** 19n }), (nanos) => {
        const size = nanos < 0n ? -nanos : nanos;
        const fraction = (size % 10n ** 9n).toString().padStart(9, '0').replace(/0+$/, '');
        const text = `${nanos < 0n ? '-' : ''}${size / 10n ** 9n}${fraction ? `.${fraction}` : ''}s`;
        expect(roundTrip('Duration', text)).toBe(text);
      }),
    );
  });

  it('64-bit integers are numbers or text going in, text coming out', () => {
    const type = 'howdah.v1.ReportAck';
    expect(encode(type, { seq: 7 })).toEqual(encode(type, { seq: '7' }));
    expect(decode(type, encode(type, { seq: 7 }))).toEqual({ seq: '7' });
    expect(() => encode(type, { seq: 2 ** 53 })).toThrow('whole number');
    expect(() => encode(type, { seq: -1 })).toThrow('is not between');
  });

  it('an Any of an unknown type keeps its bytes', () => {
    const bytes = Buffer.from([0x0a, 3, 0x78, 0x2f, 0x79, 0x12, 1, 0x41]);
    expect(decode('google.protobuf.Any', bytes)).toEqual({ '@type': 'x/y', value: 'QQ==' });
  });
});

describe('methods', () => {
  const raw = { encode: (bytes: Uint8Array) => bytes, decode: (bytes: Uint8Array) => bytes };

  it('have the path and streams that the .proto file tells', () => {
    expect(methodDefinition('howdah.v1.AgentService', 'Connect', raw, raw)).toMatchObject({
      path: '/howdah.v1.AgentService/Connect',
      requestStream: true,
      responseStream: true,
    });
    const fetch = methodDefinition(
      'envoy.service.status.v3.ClientStatusDiscoveryService',
      'FetchClientStatus',
      raw,
      raw,
    );
    expect(fetch).toMatchObject({ requestStream: false, responseStream: false });
  });

  it('that are not there are refused', () => {
    expect(() => methodDefinition('howdah.v1.AgentService', 'Nothing', raw, raw)).toThrow('has a method Nothing');
  });

  it('does not follow an Any in an Any without end', () => {
    const nested = (depth: number): JsonObject =>
      depth === 0
        ? { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: 'x' }
        : { '@type': 'type.googleapis.com/google.protobuf.Any', value: nested(depth - 1) };
    const bytes = (depth: number) => encode('google.protobuf.Any', nested(depth));
    expect(decode('google.protobuf.Any', bytes(20))).toEqual(nested(20));
    expect(() => decode('google.protobuf.Any', bytes(500))).toThrow('nests deeper than 32');
    // Nothing is left of it in the next one.
    expect(decode('google.protobuf.Any', bytes(20))).toEqual(nested(20));
  });
});
