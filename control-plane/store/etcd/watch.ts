/** One watch of etcd: a stream of what changes. It ends at the first trouble; whoever opened it reads anew then. */
import type { Client, StatusObject } from '@grpc/grpc-js';
import { decode } from '../../../proto/decode.ts';
import { encode } from '../../../proto/encode.ts';
import type { JsonObject } from '../../../proto/json.ts';
import { methodDefinition } from '../../../proto/service.ts';
import { WireFields } from '../../runtime/wire-fields.ts';
import { type Stored, storedFromWire } from './messages.ts';

export interface WatchHandlers {
  /** Of one key; `version` 0 = it was deleted. */
  onChange(stored: Stored): void;
  /** Once, unless it was closed. Nothing comes afterwards. */
  onEnd(reason: string): void;
}

export interface Watch {
  close(): void;
}

const WATCH = methodDefinition<JsonObject, JsonObject>(
  'etcdserverpb.Watch',
  'Watch',
  {
    encode: (value) => encode('etcdserverpb.WatchRequest', value),
    decode: (bytes) => decode('etcdserverpb.WatchRequest', bytes),
  },
  {
    encode: (value) => encode('etcdserverpb.WatchResponse', value),
    decode: (bytes) => decode('etcdserverpb.WatchResponse', bytes),
  },
);

export function openWatch(client: Client, create: JsonObject, { onChange, onEnd }: WatchHandlers): Watch {
  const stream = client.makeBidiStreamRequest(WATCH.path, WATCH.requestSerialize, WATCH.responseDeserialize);
  let open = true;
  const end = (reason: string) => {
    if (!open) return;
    open = false;
    stream.cancel();
    onEnd(reason);
  };
  stream.on('data', (message: JsonObject) => {
    if (!open) return;
    const answer = new WireFields(message, 'watch');
    if (answer.flag('canceled')) return end(answer.text('cancel_reason') || 'canceled by etcd');
    for (const event of answer.messages('events')) {
      const stored = storedFromWire(event.message('kv'));
      onChange(event.text('type') === 'DELETE' ? { ...stored, version: 0 } : stored);
    }
  });
  // `status` tells the same and always comes; without a listener an error would be thrown.
  stream.on('error', () => {});
  stream.on('status', ({ details }: StatusObject) => end(details));
  stream.write({ create_request: create });
  return {
    close: () => {
      open = false;
      stream.cancel();
    },
  };
}
