import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encode } from '../proto/codec.ts';
import { ProtoError } from '../proto/json.ts';
import { decodeRequest } from './wire.ts';

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
