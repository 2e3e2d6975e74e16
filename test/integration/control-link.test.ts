import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlLink } from '../../agent/link/control-link.ts';
import { HowdahError } from '../../control-plane/model/errors.ts';
import type { AgentHello, AgentMessage, ControlMessage } from '../../control-plane/runtime/agent-protocol.ts';
import { AGENT_SERVICE } from '../../control-plane/runtime/agent-wire.ts';
import { systemClock } from '../../control-plane/runtime/clock.ts';
import { createLogger } from '../../control-plane/runtime/logger.ts';
import { helloOf, reportOf } from '../support/agent-messages.ts';
import { AgentServer } from '../support/agent-server.ts';
import { until } from '../support/until.ts';

const cleanups: (() => void | Promise<void>)[] = [];
let server: AgentServer;
beforeEach(async () => {
  server = new AgentServer();
  await server.listen();
  cleanups.push(() => server.stop());
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Linked {
  readonly link: ControlLink;
  readonly messages: ControlMessage[];
  /** `up` and `down: REASON` in order. */
  readonly events: string[];
}

async function linked(over: Partial<AgentHello> = {}, port = server.port): Promise<Linked> {
  const messages: ControlMessage[] = [];
  const events: string[] = [];
  const link = new ControlLink({
    address: `127.0.0.1:${port}`,
    hello: () => helloOf(over),
    onMessage: (message) => messages.push(message),
    onUp: () => events.push('up'),
    onDown: (reason) => events.push(`down: ${reason}`),
    log: createLogger({ level: 'silent', format: 'json' }),
    clock: systemClock,
    random: () => 0.5,
  });
  cleanups.push(() => link.stop());
  await link.start();
  return { link, messages, events };
}

function child(fixture: string, ...args: string[]): ChildProcess {
  const file = path.join(import.meta.dirname, '../fixtures', fixture);
  const process_ = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanups.push(async () => {
    if (process_.exitCode !== null || process_.signalCode !== null) return;
    process_.kill('SIGKILL');
    await once(process_, 'exit');
  });
  return process_;
}

const FENCE: ControlMessage = { kind: 'goal', id: 'e4/fence', goal: { kind: 'fence', epoch: 4 }, term: 0 };

describe('the link between agent and control plane', () => {
  it('carries messages both ways, the hello first', async () => {
    const { link, messages, events } = await linked();
    await until(() => link.connected, { what: 'the link' });
    expect(events).toEqual(['up']);
    expect(server.hellos[0]).toMatchObject({ cluster: 'orders', instance: 'orders-1', hello: helloOf() });
    link.send(reportOf({ seq: 9 }));
    const answers: ControlMessage[] = [
      FENCE,
      { kind: 'report-request' },
      { kind: 'report-ack', seq: 9, leaseMs: 5000 },
    ];
    for (const message of answers) expect(server.hellos[0]!.send(message)).toBe(true);
    await until(() => messages.length === 3 && server.reports.length === 1, { what: 'messages both ways' });
    expect(messages).toEqual(answers);
    expect(server.reports).toEqual([reportOf({ seq: 9 })]);
  });

  it('keeps only the newest report while there is no stream', async () => {
    const late = new AgentServer();
    await late.listen();
    const { port } = late;
    late.stop();
    const { link } = await linked({}, port);
    for (let seq = 1; seq <= 50; seq++) link.send(reportOf({ seq }));
    const back = new AgentServer();
    cleanups.push(() => back.stop());
    await back.listen(port);
    await until(() => back.reports.length > 0, { what: 'a report' });
    expect(back.reports).toEqual([reportOf({ seq: 50 })]);
  });

  it('comes back after the control plane was started again', async () => {
    const { link, events } = await linked();
    await until(() => link.connected, { what: 'the link' });
    const { port } = server;
    server.stop();
    await until(() => !link.connected, { what: 'the end of the link' });
    expect(link.connected).toBe(false);
    server = new AgentServer();
    await server.listen(port);
    await until(() => link.connected, { what: 'the link again', timeoutMs: 2_000 });
    expect(events.map((event) => event.slice(0, 4))).toEqual(['up', 'down', 'up']);
    link.send(reportOf());
    await until(() => server.reports.length === 1, { what: 'a report' });
  });

  it('comes back after a message that it does not understand', async () => {
    const { link, messages } = await linked();
    await until(() => link.connected, { what: 'the link' });
    const wrong: ControlMessage = { kind: 'goal', id: '', goal: { kind: 'fence', epoch: -1 }, term: 0 };
    server.hellos[0]!.send(wrong);
    await until(() => server.hellos.length === 2, { what: 'a second hello' });
    server.hellos[1]!.send(FENCE);
    await until(() => messages.length === 1, { what: 'the goal' });
    expect(server.gone).toHaveLength(1);
  });

  it('stops without a trace, also while it tries', async () => {
    const { link, events } = await linked();
    await until(() => link.connected, { what: 'the link' });
    await link.stop();
    expect(events).toEqual(['up', 'down: the agent stops']);
    await until(() => server.gone.length === 1, { what: 'the control plane to see it' });
    const silent = createServer();
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    cleanups.push(() => void silent.close());
    const address = silent.address();
    const trying = await linked({}, typeof address === 'object' ? address!.port : 0);
    await trying.link.stop();
    expect(trying.events).toEqual([]);
  });

  it('notices a frozen control plane', async () => {
    const frozen = child('agent-server.ts');
    const [text] = await once(frozen.stdout!, 'data');
    const { link, events } = await linked({}, Number(String(text)));
    await until(() => link.connected, { what: 'the link' });
    frozen.kill('SIGSTOP');
    const start = performance.now();
    await until(() => !link.connected, { what: 'the end of the link', intervalMs: 2 });
    expect(performance.now() - start).toBeLessThan(3_000);
    frozen.kill('SIGCONT');
    await until(() => link.connected, { what: 'the link again' });
    expect(events).toHaveLength(3);
  });
});

describe('backpressure', () => {
  const LARGE = 'x'.repeat(20_000);
  const large = (seq: number) => reportOf({ seq, goal: { id: 'g', status: 'working', detail: LARGE } });

  it('an agent keeps the newest report only while the control plane does not read', async () => {
    const seen: number[] = [];
    let read: (() => void) | undefined;
    const slow = new Server();
    cleanups.push(() => slow.forceShutdown());
    slow.addService(AGENT_SERVICE, {
      connect(call: ServerDuplexStream<AgentMessage, ControlMessage>) {
        call.on('error', () => {});
        call.sendMetadata(new Metadata());
        read = () => call.on('data', (message) => message.kind === 'report' && seen.push(message.report.seq));
      },
    });
    const port = await new Promise<number>((resolve, reject) =>
      slow.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    const { link } = await linked({}, port);
    await until(() => link.connected, { what: 'the link' });
    for (let seq = 1; seq <= 400; seq++) {
      link.send(large(seq));
      await new Promise(setImmediate);
    }
    read!();
    await until(() => seen.at(-1) === 400, { what: 'the newest report' });
    expect(seen.length).toBeLessThan(200);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  it('the control plane keeps the newest goal only while an agent does not read', async () => {
    const frozen = child('linked-agent.ts', `127.0.0.1:${server.port}`);
    const seen: number[] = [];
    createInterface({ input: frozen.stdout! }).on('line', (line) => seen.push(Number(line)));
    await until(() => server.hellos.length === 1, { what: 'a hello', timeoutMs: 10_000 });
    const agent = server.hellos[0]!;
    const goal = (epoch: number): ControlMessage => ({
      kind: 'goal',
      id: LARGE,
      goal: { kind: 'fence', epoch },
      term: 0,
    });
    frozen.kill('SIGSTOP');
    let epoch = 0;
    while (agent.send({ kind: 'report-request' })) {
      expect(agent.send(goal(++epoch))).toBe(true);
      await new Promise(setImmediate);
    }
    for (let more = 0; more < 100; more++) expect(agent.send(goal(++epoch))).toBe(true);
    frozen.kill('SIGCONT');
    await until(() => seen.at(-1) === epoch, { what: 'the newest goal' });
    expect(seen.length).toBeLessThanOrEqual(epoch - 99);
    expect(server.gone).toEqual([]);
  });
});

describe('the control plane', () => {
  it('sees the death of an agent at once', async () => {
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      const agent = child('linked-agent.ts', `127.0.0.1:${server.port}`);
      await until(() => server.hellos.length === round + 1, { what: 'a hello', timeoutMs: 10_000 });
      const start = performance.now();
      agent.kill('SIGKILL');
      await until(() => server.gone.length === round + 1, { what: 'the end of the stream', intervalMs: 1 });
      times.push(server.gone[round]!.at - start);
    }
    console.log(`from kill -9 of an agent to onGone: ${times.map((ms) => ms.toFixed(1)).join(', ')} ms`);
    expect(Math.min(...times)).toBeLessThan(100);
  });

  it('sees a connection that is reset at once', async () => {
    // Between agent and control plane, so that the reset comes without the time that the death of a process takes.
    const sockets: Socket[] = [];
    const relay = createServer((socket) => {
      const onward = connect(server.port, '127.0.0.1');
      sockets.push(onward);
      socket.on('error', () => {}).on('close', () => onward.destroy());
      onward.on('error', () => {}).on('close', () => socket.destroy());
      socket.pipe(onward).pipe(socket);
    });
    relay.listen(0, '127.0.0.1');
    await once(relay, 'listening');
    cleanups.push(() => void relay.close());
    const address = relay.address();
    await linked({}, typeof address === 'object' ? address!.port : 0);
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      await until(() => server.hellos.length === round + 1, { what: 'a hello', intervalMs: 2 });
      const start = performance.now();
      sockets.at(-1)!.resetAndDestroy();
      await until(() => server.gone.length === round + 1, { what: 'the end of the stream', intervalMs: 1 });
      times.push(server.gone[round]!.at - start);
    }
    console.log(`from the reset of a connection to onGone: ${times.map((ms) => ms.toFixed(2)).join(', ')} ms`);
    expect(Math.min(...times)).toBeLessThan(25);
  });

  it('sees a frozen agent', async () => {
    const agent = child('linked-agent.ts', `127.0.0.1:${server.port}`);
    await until(() => server.hellos.length === 1, { what: 'a hello', timeoutMs: 10_000 });
    agent.kill('SIGSTOP');
    await until(() => server.gone.length === 1, { what: 'the end of the stream', timeoutMs: 3_000 });
    agent.kill('SIGCONT');
    await until(() => server.hellos.length === 2, { what: 'the agent again', timeoutMs: 3_000 });
  });

  it('lets the newest stream of an instance replace the older one', async () => {
    await linked({ bootId: 'boot-a' });
    await until(() => server.hellos.length === 1, { what: 'the first hello' });
    const second = child('linked-agent.ts', `127.0.0.1:${server.port}`);
    await until(() => server.hellos.length >= 2, { what: 'the second hello', timeoutMs: 10_000 });
    expect(server.gone[0]).toMatchObject({ id: server.hellos[0]!.id, reason: expect.stringContaining('replaced') });
    expect(server.hellos[0]!.send(FENCE)).toBe(false);
    second.kill('SIGKILL');
  });

  it('ends every stream when it closes', async () => {
    await linked({ instance: 'orders-1' });
    await linked({ instance: 'orders-2' });
    await until(() => server.hellos.length === 2, { what: 'two hellos' });
    server.service.close();
    expect(server.gone).toHaveLength(2);
  });
});

describe('the control plane refuses', () => {
  /** Sends these on one stream and gives the status that it ends with. */
  async function refused(...sent: (AgentMessage | Buffer)[]): Promise<StatusObject> {
    const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
    cleanups.push(() => client.close());
    const { path: method, requestSerialize, responseDeserialize } = AGENT_SERVICE.connect;
    const stream = client.makeBidiStreamRequest(
      method,
      (value: AgentMessage | Buffer) => (Buffer.isBuffer(value) ? value : requestSerialize(value)),
      responseDeserialize,
    );
    const { promise, resolve } = Promise.withResolvers<StatusObject>();
    stream.on('error', () => {});
    stream.on('data', () => {});
    stream.on('status', resolve);
    for (const message of sent) stream.write(message);
    return promise;
  }
  const report = (over = {}): AgentMessage => ({ kind: 'report', report: reportOf(over) });

  it('a stream that does not begin with the hello', async () => {
    expect(await refused(report())).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: 'the first message of a stream must be the hello',
    });
    expect(server.hellos).toEqual([]);
  });

  it('a stream that says nothing', async () => {
    expect(await refused()).toMatchObject({
      code: status.DEADLINE_EXCEEDED,
      details: 'no hello came within 3000 ms',
    });
  });

  it('a second hello', async () => {
    expect(await refused(helloOf(), helloOf())).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(server.gone).toHaveLength(1);
  });

  it.each([{ instance: 'orders-2' }, { bootId: 'boot-b' }])('a report of another agent: %j', async (over) => {
    expect(await refused(helloOf(), report(over), report())).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(server.reports).toEqual([]);
    expect(server.gone).toHaveLength(1);
  });

  it('what is not a message, saying where', async () => {
    expect(await refused(helloOf(), Buffer.from('not protobuf'))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining('malformed howdah.v1.AgentMessage'),
    });
    expect(await refused(Buffer.alloc(0))).toMatchObject({ code: status.INVALID_ARGUMENT });
  });

  it('a message that is too large', async () => {
    expect(await refused(Buffer.alloc(300_000, 10))).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });

  it('an agent that the manager does not know', async () => {
    server.refusal = new HowdahError('not-found', 'there is no cluster orders');
    expect(await refused(helloOf())).toMatchObject({ code: status.NOT_FOUND, details: 'there is no cluster orders' });
    expect(server.gone).toEqual([]);
  });
});
