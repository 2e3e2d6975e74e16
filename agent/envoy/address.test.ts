import { describe, expect, it } from 'vitest';
import { parseAddress } from './address.ts';

describe('parseAddress', () => {
  it('takes names, IPv4 and IPv6', () => {
    expect(parseAddress('127.0.0.1:18000')).toEqual({ host: '127.0.0.1', port: 18000 });
    expect(parseAddress('control-plane.howdah.svc:1')).toEqual({ host: 'control-plane.howdah.svc', port: 1 });
    expect(parseAddress('[::1]:65535')).toEqual({ host: '::1', port: 65535 });
  });

  it.each(['', 'host', 'host:', ':1', 'host:0', 'host:65536', '::1:80', 'host:1x', 'a:b:1'])('refuses %j', (text) => {
    expect(() => parseAddress(text)).toThrow('not an address of the form HOST:PORT');
  });
});
