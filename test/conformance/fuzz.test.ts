import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { decode } from '../../proto/decode.ts';
import type { JsonObject } from '../../proto/json.ts';
import { decodeRequest } from '../../xds/wire.ts';
import { decodeDeltaRequest } from '../../xds/wire-delta.ts';
import { VARIANTS } from './client.ts';
import { fuzz, fuzzDecoding } from './fuzzer.ts';

/** What the general decoder reads of a request, in the form of the one that the server has; undefined = it refuses. */
function generally(bytes: Uint8Array, delta: boolean): JsonObject | undefined {
  const type = delta ? 'DeltaDiscoveryRequest' : 'DiscoveryRequest';
  try {
    return decode(`envoy.service.discovery.v3.${type}`, bytes);
  } catch {
    return undefined;
  }
}

function readSotw(bytes: Uint8Array): unknown[] {
  const { typeUrl, nonce, version, names, error } = decodeRequest(bytes, true);
  return [typeUrl, nonce, version, names, [], {}, error !== undefined];
}

function readDelta(bytes: Uint8Array): unknown[] {
  const { typeUrl, nonce, subscribe, unsubscribe, initialVersions, error } = decodeDeltaRequest(bytes, true);
  return [typeUrl, nonce, '', subscribe, unsubscribe, Object.fromEntries(initialVersions), error !== undefined];
}

describe('the xDS server under mutated requests', () => {
  it('refuses what is broken, forgets it, and goes on', { timeout: 120_000 }, async () => {
    const report = await fuzz({ requests: 20_000, seed: 1, variants: Object.values(VARIANTS) });
    expect(report.unexpected).toEqual([]);
    expect(report.statuses[3]).toBeGreaterThan(100);
    expect(report.responses).toBeGreaterThan(1000);
  });

  it('reads of any bytes what the general decoder reads, and refuses with one kind of error', () => {
    const differences: unknown[] = [];
    let agreed = 0;
    const refused = fuzzDecoding(20_000, 2, (bytes, delta) => {
      const expected = generally(bytes, delta);
      const found = delta ? readDelta(bytes) : readSotw(bytes);
      if (!expected) return;
      const { type_url = '', response_nonce = '', version_info = '' } = expected;
      const lists = [
        expected.resource_names ?? expected.resource_names_subscribe ?? [],
        expected.resource_names_unsubscribe ?? [],
        expected.initial_resource_versions ?? {},
      ];
      const wanted = [type_url, response_nonce, version_info, ...lists, expected.error_detail !== undefined];
      if (isDeepStrictEqual(found, wanted)) agreed += 1;
      else differences.push([bytes.toString('hex').slice(0, 200), found, wanted]);
    });
    expect(differences).toEqual([]);
    expect(agreed).toBeGreaterThan(2000);
    expect(refused).toBeGreaterThan(2000);
  });
});
