// What one proxy has, resource by resource, in the API's words. Pure.
import { decode } from '../../proto/decode.ts';
import type { Json } from '../../proto/json.ts';
import { redact } from '../../proto/redact.ts';
import { ANY } from '../../proto/well-known.ts';
import type { ProxyContents, Resource, ResourceState, ResourceStatus, TypeContents } from '../../xds/index.ts';
import type { ProxyConfig, ProxyResource, SyncState } from '../api/proxy-schema.ts';
import { shortName } from './type-names.ts';

type Config = NonNullable<ProxyResource['config']>;

/** @param streams those of the proxy, the newest last */
export function proxyConfig(id: string, streams: readonly ProxyContents[]): ProxyConfig {
  const types = new Map(streams.flatMap((stream) => stream.types.map((type) => [type.type, type] as const)));
  return {
    id,
    types: [...types.values()].map((contents) => ({
      type: contents.type,
      shortName: shortName(contents.type),
      resources: contents.resources.map((resource) => proxyResource(resource, contents)),
    })),
  };
}

const STATES: Readonly<Record<ResourceState, SyncState>> = {
  synced: 'SYNCED',
  sent: 'STALE',
  'not-sent': 'NOT SENT',
  refused: 'NACK',
};

function proxyResource({ name, state, wanted, acked }: ResourceStatus, { rejection }: TypeContents): ProxyResource {
  const refused = state === 'refused' ? wanted : undefined;
  const shown = refused ? acked : (wanted ?? acked);
  return {
    name,
    state: STATES[state],
    version: shown?.version ?? '',
    config: shown ? configOf(shown) : null,
    refused: refused ? { version: refused.version, error: rejection?.error ?? '', config: configOf(refused) } : null,
  };
}

/** Without private keys, and without the type, which stands above. */
function configOf(resource: Resource): Config {
  const { '@type': _, ...fields } = redact(ANY, decode(ANY, resource.bytes));
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value ?? null)]));
}

/** Array.isArray does not know readonly arrays. */
function isList(json: Json): json is readonly Json[] {
  return Array.isArray(json);
}

/** The same without readonly. */
function plain(json: Json): Config[string] {
  if (json === null || typeof json !== 'object') return json;
  if (isList(json)) return json.map(plain);
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, plain(value ?? null)]));
}
