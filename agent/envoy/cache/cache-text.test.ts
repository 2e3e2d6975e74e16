import { describe, expect, it } from 'vitest';
import { cacheText, readCacheText } from './cache-text.ts';

const RESOURCES = { clusters: [{ name: 'local' }], endpoints: [], listeners: [{ name: 'mesh' }] };
const TEXT = cacheText('instance/orders/orders-1', RESOURCES);

describe('a cache file', () => {
  it('is read as it was written', () => {
    expect(readCacheText('instance/orders/orders-1', TEXT)).toEqual(RESOURCES);
  });

  it('is refused with any byte changed or missing', () => {
    for (let at = 0; at < TEXT.length - 1; at++) {
      const changed = `${TEXT.slice(0, at)}${TEXT[at] === 'x' ? 'y' : 'x'}${TEXT.slice(at + 1)}`;
      expect(readCacheText('instance/orders/orders-1', changed)).toBe('its checksum is wrong');
      expect(readCacheText('instance/orders/orders-1', TEXT.slice(0, at))).toBe('its checksum is wrong');
    }
  });

  it('is refused for another Envoy', () => {
    expect(readCacheText('instance/orders/orders-2', TEXT)).toBe('it belongs to instance/orders/orders-1');
  });
});
