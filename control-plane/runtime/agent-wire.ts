/** The wire form of what agents and the control plane say to each other: proto/howdah/v1/agent.proto. */
import { decode } from '../../proto/decode.ts';
import { encode } from '../../proto/encode.ts';
import { type JsonObject, ProtoError } from '../../proto/json.ts';
import { type Codec, methodDefinition } from '../../proto/service.ts';
import { HowdahError } from '../model/errors.ts';
import type { AgentMessage, ControlMessage } from './agent-protocol.ts';
import { WireFields } from './wire-fields.ts';
import { goalFromWire, goalToWire } from './wire-goal.ts';
import { placementFromWire, placementToWire, reportFromWire, reportToWire } from './wire-report.ts';
import { parametersFromWire, parametersToWire } from './wire-settings.ts';

/** @throws HowdahError `invalid-argument` from both directions when the message can't be carried or understood. */
export const agentMessageCodec: Codec<AgentMessage> = codec('howdah.v1.AgentMessage', agentToWire, agentFromWire);

/** As agentMessageCodec, for the other direction of the stream. */
export const controlMessageCodec: Codec<ControlMessage> = codec(
  'howdah.v1.ControlMessage',
  controlToWire,
  controlFromWire,
);

/**
 * For `server.stream(AGENT_SERVICE.connect, open)` and, in a client of grpc-js,
 * `client.makeBidiStreamRequest(connect.path, connect.requestSerialize, connect.responseDeserialize)`.
 */
export const AGENT_SERVICE = {
  connect: methodDefinition('howdah.v1.AgentService', 'Connect', agentMessageCodec, controlMessageCodec),
};

function codec<T>(typeName: string, toWire: (value: T) => JsonObject, fromWire: (fields: WireFields) => T): Codec<T> {
  return {
    encode: (value) => translated(typeName, () => encode(typeName, toWire(value))),
    decode: (bytes) => translated(typeName, () => fromWire(new WireFields(decode(typeName, bytes), '$'))),
  };
}

function translated<T>(typeName: string, convert: () => T): T {
  try {
    return convert();
  } catch (error) {
    if (!(error instanceof ProtoError)) throw error;
    throw new HowdahError('invalid-argument', `malformed ${typeName}: ${error.message}`, {
      problems: [{ path: error.path, message: error.detail }],
      cause: error,
    });
  }
}

function agentToWire(message: AgentMessage): JsonObject {
  if (message.kind === 'report') return { report: reportToWire(message.report) };
  return {
    hello: {
      cluster: message.cluster,
      instance: message.instance,
      boot_id: message.bootId,
      placement: placementToWire(message.placement),
      postgres_major: message.postgresMajor,
    },
  };
}

function agentFromWire(fields: WireFields): AgentMessage {
  const kind = fields.choice(['hello', 'report']);
  const body = fields.message(kind);
  if (kind === 'report') return { kind, report: reportFromWire(body) };
  return {
    kind,
    cluster: body.text('cluster'),
    instance: body.text('instance'),
    bootId: body.text('boot_id'),
    placement: placementFromWire(body.message('placement')),
    postgresMajor: body.count('postgres_major'),
  };
}

function controlToWire(message: ControlMessage): JsonObject {
  switch (message.kind) {
    case 'goal':
      return { goal: { id: message.id, term: message.term, ...goalToWire(message.goal) } };
    case 'report-request':
      return { report_request: {} };
    case 'report-ack':
      return { report_ack: { seq: message.seq, lease_ms: message.leaseMs } };
    case 'settings': {
      const { version, parameters } = message.settings;
      return { settings: { version, parameters: parametersToWire(parameters) } };
    }
    case 'check-settings':
      return { check_settings: { id: message.id, parameters: parametersToWire(message.parameters) } };
  }
}

function controlFromWire(fields: WireFields): ControlMessage {
  const kind = fields.choice(['goal', 'report_request', 'report_ack', 'settings', 'check_settings']);
  const body = fields.message(kind);
  switch (kind) {
    case 'goal':
      return { kind, id: body.text('id'), goal: goalFromWire(body), term: body.count('term') };
    case 'report_request':
      return { kind: 'report-request' };
    case 'report_ack':
      return { kind: 'report-ack', seq: body.count('seq'), leaseMs: body.count('lease_ms') };
    case 'settings':
      return { kind, settings: { version: body.text('version'), parameters: parametersFromWire(body) } };
    case 'check_settings':
      return { kind: 'check-settings', id: body.count('id'), parameters: parametersFromWire(body) };
  }
}
