import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode } from '../proto/decode.ts';
import { encode } from '../proto/encode.ts';
import { type JsonObject, ProtoError } from '../proto/json.ts';
import { edsCluster, endpoints } from '../test/support/xds-resources.ts';
import type { Resource } from './resource.ts';
import type { Push } from './session-types.ts';
import { buildSnapshot } from './snapshot.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE } from './type-urls.ts';
import { decodeRequest, encodeResponse } from './wire.ts';
import { encodeDeltaResponse } from './wire-delta.ts';

const REQUEST = 'envoy.service.discovery.v3.DiscoveryRequest';

describe('a discovery request', () => {
  it('is read as it was written', () => {
    const text = fc.string({ unit: 'grapheme' });
    const request = fc.record({ version: text, names: fc.array(text), typeUrl: text, nonce: text, id: text });
    fc.assert(
      fc.property(request, ({ version, names, typeUrl, nonce, id }) => {
        const bytes = encode(REQUEST, {
          version_info: version,
          node: { id: id || 'n', metadata: { x: [1, null, 'y'] } },
          resource_names: names,
          type_url: typeUrl,
          response_nonce: nonce,
          resource_locators: [{ name: 'passed over' }],
        });
        const read = { typeUrl, names, version, nonce, error: undefined };
        const node = { id: id || 'n', metadata: { x: [1, null, 'y'] } };
        expect(decodeRequest(bytes, true)).toEqual({ ...read, node });
        expect(decodeRequest(bytes, false)).toEqual({ ...read, node: undefined });
      }),
    );
  });

  it('is a refusal when it has an error, with or without words', () => {
    const errorOf = (detail: object) => decodeRequest(encode(REQUEST, { error_detail: { ...detail } }), false).error;
    expect(errorOf({ code: 13, message: 'no' })).toBe('no');
    expect(errorOf({ code: 13 })).toBe('refused without a word');
    expect(errorOf({})).toBe('refused without a word');
  });

  it('has no node in later requests though one was sent, and one node in several parts', () => {
    const part = (node: object) => encode(REQUEST, { node: { ...node } });
    const bytes = Buffer.concat([part({ id: 'n' }), part({ cluster: 'c' })]);
    expect(decodeRequest(bytes, true).node).toEqual({ id: 'n', cluster: 'c' });
    expect(decodeRequest(bytes, false).node).toBeUndefined();
  });

  it('is a request or a ProtoError, whatever the bytes', () => {
    const whole = encode(REQUEST, { type_url: 'x', resource_names: ['a'], error_detail: { message: 'no' } });
    const broken = fc.tuple(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length)).map(([at, byte, length]) =>
      Buffer.from(whole)
        .fill(byte, at, at + 1)
        .subarray(0, length),
    );
    fc.assert(
      fc.property(fc.oneof(broken, fc.uint8Array({ maxLength: 40 })), (bytes) => {
        try {
          decodeRequest(bytes, true);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtoError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a discovery response', () => {
  const text = fc.string({ unit: 'grapheme' });
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 });
  const resource = fc
    .record({ name, version: text, ttlMs: fc.constantFrom(0, 1, 1000, 86_400_250) })
    .map(({ name, ...rest }) => ({ ...buildResource(name), ...rest }));
  const push = fc.record({
    version: text,
    nonce: text,
    resources: fc.array(resource),
    removed: fc.array(name),
    heartbeat: fc.boolean(),
    ttl: fc.boolean(),
  });
  const duration = (ms: number) =>
    `${Math.floor(ms / 1000)}${ms % 1000 ? `.${`${ms % 1000}`.padStart(3, '0')}`.replace(/0+$/, '') : ''}s`;
  const given = (json: JsonObject) => Object.fromEntries(Object.entries(json).filter(([, value]) => value !== ''));

  it('reads as what was sent, in both variants', () => {
    fc.assert(
      fc.property(push, (parts) => {
        const { version, nonce, resources, removed, heartbeat, ttl } = parts;
        const response: Push = { ...parts, type: ENDPOINT_TYPE };
        const wrapped = resources.map(({ name, version, ttlMs }) => {
          const told = ttl && ttlMs > 0;
          const body = { '@type': ENDPOINT_TYPE, ...endpoints(name, 1) };
          return {
            ...given({ name, version }),
            ...(told && heartbeat ? {} : { resource: body }),
            ...(told ? { ttl: duration(ttlMs) } : {}),
          };
        });
        const common = given({ nonce, type_url: ENDPOINT_TYPE });
        expect(decode('envoy.service.discovery.v3.DeltaDiscoveryResponse', encodeDeltaResponse(response))).toEqual({
          ...common,
          ...given({ system_version_info: version }),
          ...(wrapped.length > 0 ? { resources: wrapped } : {}),
          ...(removed.length > 0 ? { removed_resources: removed } : {}),
        });
        const plain = wrapped.map((each) =>
          each.ttl ? { '@type': 'type.googleapis.com/envoy.service.discovery.v3.Resource', ...each } : each.resource,
        );
        expect(decode('envoy.service.discovery.v3.DiscoveryResponse', encodeResponse(response))).toEqual({
          ...common,
          ...given({ version_info: version }),
          ...(plain.length > 0 ? { resources: plain } : {}),
        });
      }),
    );
  });

  it('can be larger than any before it', () => {
    const large = edsCluster('large', { alt_stat_name: 'x'.repeat(3_000_000) });
    const cluster = buildSnapshot({ clusters: [large], endpoints: [endpoints('large', 1)] }).sets[CLUSTER_TYPE];
    const resources = [...cluster.resources.values()];
    const response: Push = {
      type: CLUSTER_TYPE,
      version: '1',
      nonce: '1',
      resources,
      removed: [],
      heartbeat: false,
      ttl: false,
    };
    for (const _ of [1, 2]) {
      expect(decode('envoy.service.discovery.v3.DiscoveryResponse', encodeResponse(response)).resources).toEqual([
        { '@type': CLUSTER_TYPE, ...large },
      ]);
    }
  });
});

function buildResource(name: string): Resource {
  const set = buildSnapshot({ endpoints: [endpoints(name, 1)] }).sets[ENDPOINT_TYPE];
  return set.resources.get(name)!;
}
