import { Client, credentials, Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encode } from '../../proto/encode.ts';
import type { Goal } from '../model/goal.ts';
import type { InstanceReport, PostgresState, TimelineSwitch } from '../model/instance.ts';
import type { SettingsReport } from '../model/settings.ts';
import type { SyncConfig } from '../model/sync.ts';
import type { AgentMessage, ControlMessage } from './agent-protocol.ts';
import { AGENT_SERVICE, agentMessageCodec, controlMessageCodec } from './agent-wire.ts';

const lsn = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const epoch = fc.maxSafeNat();
const count = fc.integer({ min: 0, max: 0xffff_ffff });
const text = fc.string({ unit: 'grapheme' });
const systemId = fc.oneof(
  fc.constant(''),
  fc.bigInt({ min: 1n, max: (1n << 64n) - 1n }).map((id) => id.toString()),
);
const sync: fc.Arbitrary<SyncConfig> = fc.record({ voters: fc.array(text), k: count });
const history: fc.Arbitrary<TimelineSwitch[]> = fc.array(fc.record({ timeline: count, endLsn: lsn }));
const flag = fc.boolean();

const goal: fc.Arbitrary<Goal> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('fence' as const),
      epoch,
      catchUp: fc.record({ from: fc.stringMatching(/^[a-z]{1,9}-[1-9]$/), lsn }),
      serves: fc.array(text, { minLength: 1 }),
    },
    { requiredKeys: ['kind', 'epoch'] },
  ),
  fc.record({ kind: fc.constant('retire' as const), epoch }),
  fc.record({ kind: fc.constant('stop' as const), epoch }),
  fc.record({ kind: fc.constant('lead' as const), epoch, sync, create: flag, start: flag, members: fc.array(text) }),
  fc.record(
    {
      kind: fc.constant('follow' as const),
      epoch,
      primary: text,
      systemId,
      timeline: count,
      history,
      sourceReady: flag,
      source: fc.stringMatching(/^[a-z]{1,9}-[1-9]$/),
      serves: fc.array(text, { minLength: 1 }),
      successors: fc.array(text, { minLength: 1 }),
    },
    { requiredKeys: ['kind', 'epoch', 'primary', 'systemId', 'timeline', 'history', 'sourceReady'] },
  ),
);

const postgres: fc.Arbitrary<PostgresState> = fc.oneof(
  fc.record({ kind: fc.constantFrom('absent' as const, 'starting' as const, 'unresponsive' as const) }),
  fc.record({
    kind: fc.constant('creating' as const),
    how: fc.constantFrom('initdb' as const, 'basebackup' as const, 'rewind' as const),
  }),
  fc.record({
    kind: fc.constant('stopped' as const),
    how: fc.constantFrom('boot' as const, 'requested' as const, 'crashed' as const),
    clean: flag,
    checkpointLsn: lsn,
  }),
  fc.record({
    kind: fc.constant('primary' as const),
    flushLsn: lsn,
    endOfRecoveryLsn: lsn,
    sync: fc.option(sync),
    standbys: fc.array(
      fc.record({
        name: text,
        state: fc.constantFrom(
          'startup' as const,
          'catchup' as const,
          'streaming' as const,
          'backup' as const,
          'stopping' as const,
        ),
        syncState: fc.constantFrom('async' as const, 'potential' as const, 'sync' as const, 'quorum' as const),
        flushLsn: lsn,
        replayLsn: lsn,
      }),
    ),
    checkpointTimeline: count,
    activeTransactions: count,
  }),
  fc.record({ kind: fc.constant('standby' as const), receiveLsn: lsn, replayLsn: lsn, streaming: flag }),
);

const parameters = fc.dictionary(fc.stringMatching(/^[a-z]{1,9}$/), text).map((all) => ({ ...all }));
const settings: fc.Arbitrary<SettingsReport> = fc.record({
  version: text,
  pendingRestart: fc.array(fc.record({ name: text, running: text, wanted: text })),
  checked: fc.option(fc.record({ id: count, problems: fc.array(fc.record({ name: text, message: text })) })),
});

const report: fc.Arbitrary<InstanceReport> = fc.record({
  instance: text,
  bootId: text,
  seq: fc.maxSafeNat(),
  promisedEpoch: epoch,
  term: fc.maxSafeNat(),
  goal: fc.option(
    fc.record({
      id: text,
      status: fc.constantFrom('working' as const, 'done' as const, 'failed' as const),
      detail: text,
    }),
  ),
  systemId,
  timeline: count,
  history,
  postgres,
  pids: fc.record({ agent: count, postgres: count, envoy: count }),
  settings,
});

const agentMessage: fc.Arbitrary<AgentMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('hello' as const),
    cluster: text,
    instance: text,
    bootId: text,
    placement: fc.record({
      host: text,
      zone: text,
      ports: fc.record({
        rw: count,
        ro: count,
        any: count,
        mesh: count,
        meshRw: count,
        replication: count,
        health: count,
      }),
      socketDir: text,
    }),
    postgresMajor: count,
  }),
  fc.record({ kind: fc.constant('report' as const), report }),
);

const controlMessage: fc.Arbitrary<ControlMessage> = fc.oneof(
  fc.record({ kind: fc.constant('goal' as const), id: text, goal, term: fc.maxSafeNat() }),
  fc.constant({ kind: 'report-request' as const }),
  fc.record({ kind: fc.constant('report-ack' as const), seq: fc.maxSafeNat(), leaseMs: count }),
  fc.record({ kind: fc.constant('settings' as const), settings: fc.record({ version: text, parameters }) }),
  fc.record({ kind: fc.constant('check-settings' as const), id: count, parameters }),
);

describe('the wire form', () => {
  it('carries every message of an agent unchanged', () => {
    fc.assert(
      fc.property(agentMessage, (message) => {
        expect(agentMessageCodec.decode(agentMessageCodec.encode(message))).toEqual(message);
      }),
    );
  });

  it('carries every message of the control plane unchanged', () => {
    fc.assert(
      fc.property(controlMessage, (message) => {
        expect(controlMessageCodec.decode(controlMessageCodec.encode(message))).toEqual(message);
      }),
    );
  });

  it('answers any bytes with a message or an invalid-argument', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        try {
          expect(agentMessageCodec.decode(bytes)).toHaveProperty('kind');
        } catch (error) {
          expect(error).toMatchObject({ name: 'HowdahError', code: 'invalid-argument' });
        }
      }),
    );
  });

  it.each([
    [{}, '$', 'none of hello, report is set'],
    [{ report: {} }, '$.report.pids', 'is missing'],
    [{ report: { pids: {}, postgres: {} } }, '$.report.postgres', 'none of absent'],
    [{ report: { pids: {}, postgres: { creating: {} } } }, '$.report.postgres.creating.how', 'unspecified'],
    [{ report: { pids: {}, postgres: { absent: {} }, seq: '9007199254740993' } }, '$.report.seq', 'is too large'],
  ])('says what is wrong with %j', (json, path, text) => {
    const decoding = () => agentMessageCodec.decode(encode('howdah.v1.AgentMessage', json));
    expect(decoding).toThrow(expect.objectContaining({ message: expect.stringContaining(text) }));
    expect(decoding).toThrow(expect.objectContaining({ problems: [expect.objectContaining({ path })] }));
  });

  it('refuses to send what the wire has no room for', () => {
    const message: ControlMessage = { kind: 'goal', id: 'x', goal: { kind: 'fence', epoch: -1 }, term: 0 };
    expect(() => controlMessageCodec.encode(message)).toThrow('$.goal.epoch');
  });
});

describe('the service', () => {
  it('runs on @grpc/grpc-js: messages arrive, garbage ends the call and nothing else', async () => {
    const server = new Server();
    const { connect } = AGENT_SERVICE;
    const ack: ControlMessage = { kind: 'report-ack', seq: 7, leaseMs: 5000 };
    server.addService(AGENT_SERVICE, {
      connect(stream: ServerDuplexStream<AgentMessage, ControlMessage>) {
        stream.on('data', () => stream.write(ack));
        stream.on('end', () => stream.end());
        stream.on('error', () => stream.end());
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    try {
      const [hello] = fc.sample(agentMessage, 1);
      const good = client.makeBidiStreamRequest(connect.path, connect.requestSerialize, connect.responseDeserialize);
      const answer = new Promise((resolve, reject) => good.once('data', resolve).once('error', reject));
      good.write(hello!);
      expect(await answer).toEqual(ack);

      const raw = (bytes: Buffer) => bytes;
      const bad = client.makeBidiStreamRequest(connect.path, raw, connect.responseDeserialize);
      const failure = new Promise((resolve) => bad.once('error', resolve));
      bad.write(Buffer.from([0xff, 0xff]));
      expect(await failure).toMatchObject({ details: expect.stringContaining('deserializing request') });

      const again = new Promise((resolve, reject) => good.once('data', resolve).once('error', reject));
      good.write(hello!);
      expect(await again).toEqual(ack);
      good.end();
    } finally {
      client.close();
      server.forceShutdown();
    }
  });
});
