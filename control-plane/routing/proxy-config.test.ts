import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../proto/json.ts';
import {
  buildSnapshot,
  LISTENER_TYPE,
  type Resource,
  type ResourceStatus,
  type TypeContents,
} from '../../xds/index.ts';
import { proxyConfig } from './proxy-config.ts';

/** What a listener can't be without. */
const RW = {
  name: 'rw',
  address: { socket_address: { address: '127.0.0.1', port_value: 6432 } },
  filter_chains: [{ name: 'all' }],
};

function resource(fields: JsonObject): Resource {
  const listener = { ...RW, ...fields };
  const found = buildSnapshot({ clusters: [], endpoints: [], listeners: [listener] }).sets[LISTENER_TYPE].resources.get(
    'rw',
  );
  if (!found) throw new Error('the listener that was put in is not there');
  return found;
}

const old = resource({ stat_prefix: 'old' });
const next = resource({ stat_prefix: 'next' });
const rejection = { version: 'r2', error: 'rw: port taken', resources: ['rw'], at: 5 };

function shown(status: Omit<ResourceStatus, 'name'>) {
  const resources = [{ name: 'rw', ...status }];
  const type: TypeContents = { type: LISTENER_TYPE, resources, sentAt: 1, ackedAt: 1, rejection };
  const [found] = proxyConfig('gateway/local', [{ details: {}, types: [type] }]).types;
  expect(found).toMatchObject({ type: LISTENER_TYPE, shortName: 'LDS' });
  return found?.resources[0];
}

describe('proxyConfig', () => {
  it('shows what the proxy is to have', () => {
    const config = { ...RW, stat_prefix: 'next' };
    const expected = { name: 'rw', version: next.version, config, refused: null };
    expect(shown({ state: 'synced', wanted: next, acked: next })).toEqual({ ...expected, state: 'SYNCED' });
    expect(shown({ state: 'sent', wanted: next, acked: old })).toEqual({ ...expected, state: 'STALE' });
    expect(shown({ state: 'not-sent', wanted: next, acked: undefined })).toEqual({ ...expected, state: 'NOT SENT' });
  });

  it('shows what goes on where something was refused, and what was', () => {
    expect(shown({ state: 'refused', wanted: next, acked: old })).toEqual({
      name: 'rw',
      state: 'NACK',
      version: old.version,
      config: { ...RW, stat_prefix: 'old' },
      refused: { version: next.version, error: 'rw: port taken', config: { ...RW, stat_prefix: 'next' } },
    });
  });

  it('shows a name that was asked for and does not exist', () => {
    const missing = shown({ state: 'not-sent', wanted: undefined, acked: undefined });
    expect(missing).toEqual({ name: 'rw', state: 'NOT SENT', version: '', config: null, refused: null });
  });

  it('hides private keys', () => {
    const certificates = [{ private_key: { inline_string: 'private' } }];
    const tls = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';
    const socket = {
      name: 'tls',
      typed_config: { '@type': tls, common_tls_context: { tls_certificates: certificates } },
    };
    const wanted = resource({ filter_chains: [{ transport_socket: socket }] });
    const text = JSON.stringify(shown({ state: 'synced', wanted, acked: wanted }));
    expect(text).toContain('tls_certificates');
    expect(text).not.toContain('"private"');
  });
});
