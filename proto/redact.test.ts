import { describe, expect, it } from 'vitest';
import { encode } from './encode.ts';
import type { JsonObject } from './json.ts';
import { redact } from './redact.ts';

const SECRET = 'envoy.extensions.transport_sockets.tls.v3.Secret';
const bytes = (text: string) => Buffer.from(text).toString('base64');
const shown = bytes('[redacted]');

const secret: JsonObject = {
  name: 'server',
  tls_certificate: {
    certificate_chain: { inline_string: 'public' },
    private_key: { inline_bytes: bytes('private') },
    password: { inline_string: 'private' },
  },
};

describe('redact', () => {
  it('hides keys and passwords and keeps the rest, as a valid message', () => {
    const redacted = redact(SECRET, secret);
    expect(redacted).toEqual({
      name: 'server',
      tls_certificate: {
        certificate_chain: { inline_string: 'public' },
        private_key: { inline_bytes: shown },
        password: { inline_string: '[redacted]' },
      },
    });
    expect(encode(SECRET, redacted).length).toBeGreaterThan(0);
  });

  it('looks into lists and into what is packed in an Any', () => {
    const socket: JsonObject = {
      name: 'tls',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
        common_tls_context: { tls_certificates: [{ private_key: { inline_string: 'private' } }] },
      },
    };
    const chain: JsonObject = { filter_chains: [{ transport_socket: socket }] };
    const redacted = JSON.stringify(redact('envoy.config.listener.v3.Listener', chain));
    expect(redacted).not.toContain('"private"');
    expect(redacted).toContain('[redacted]');
  });

  it('keys of session tickets and generic secrets', () => {
    const tickets = redact(SECRET, { session_ticket_keys: { keys: [{ inline_bytes: bytes('k') }] } });
    expect(tickets).toEqual({ session_ticket_keys: { keys: [{ inline_bytes: shown }] } });
    const generic = redact(SECRET, { generic_secret: { secret: { inline_string: 'k' } } });
    expect(generic).toEqual({ generic_secret: { secret: { inline_string: '[redacted]' } } });
  });

  it('a type that nobody declares loses its content', () => {
    const any: JsonObject = { '@type': 'type.googleapis.com/x.Unknown', value: bytes('private') };
    expect(redact('google.protobuf.Any', any)).toEqual({ '@type': 'type.googleapis.com/x.Unknown', value: '' });
  });
});
