import { once } from 'node:events';
import { connect } from 'node:http2';
import { createConnection } from 'node:net';
import { Client, type ClientDuplexStream, credentials, type StatusObject, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../test/support/until.ts';
import type { CallHandler, ServerCall } from './call.ts';
import { RpcError, RpcServer, type RpcServerOptions } from './rpc-server.ts';

const bytes = (text: string) => Buffer.from(text);
const echoed = {
  path: '/test.Echo/Stream',
  requestDeserialize: (message: Buffer) => {
    if (message.toString() === 'nonsense') throw new Error('no sense');
    return message.toString();
  },
  responseSerialize: (answer: string) => {
    if (answer === 'odd!') throw new Error('not this one');
    return bytes(answer);
  },
};
const upper = { ...echoed, path: '/test.Echo/Upper' };
const clock = {
  after(ms: number, action: () => void) {
    const timer = setTimeout(action, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

async function start(options: Partial<RpcServerOptions> = {}) {
  const server = new RpcServer({
    clock,
    keepaliveMs: 10_000,
    keepaliveTimeoutMs: 5_000,
    messageBytesMost: 100,
    ...options,
  });
  const calls: ServerCall<string>[] = [];
  let closed = 0;
  server.stream(echoed, (call: ServerCall<string>): CallHandler<string> => {
    calls.push(call);
    return {
      onMessage: (message) => (message === 'bye' ? call.fail(status.ABORTED, 'grüße') : call.write(`${message}!`)),
      onEnd: () => call.end(),
      onClosed: () => {
        closed += 1;
      },
    };
  });
  server.unary(upper, async (message: string) => {
    if (message === 'never') return new Promise<string>(() => {});
    if (message === 'wrong') throw new RpcError(status.INVALID_ARGUMENT, 'wrong it is');
    return message.toUpperCase();
  });
  const port = await server.listen({ host: '127.0.0.1', port: 0 });
  cleanups.push(() => void server.close());
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  cleanups.push(() => client.close());
  const open = (path = echoed.path) => {
    const stream = client.makeBidiStreamRequest(path, bytes, (answer) => answer.toString());
    // How it ended is told as its status too.
    stream.on('error', () => {});
    return stream;
  };
  const ask = (message: string, deadline?: number) =>
    new Promise<string>((resolve, reject) => {
      const metadata = { deadline: deadline ?? Number.POSITIVE_INFINITY };
      client.makeUnaryRequest(
        upper.path,
        bytes,
        (answer) => answer.toString(),
        message,
        metadata,
        (error, answer) => (error ? reject(error) : resolve(answer ?? '')),
      );
    });
  return { server, port, open, ask, calls, closed: () => closed };
}

/** The status that a stream ends with. */
async function endOf(stream: ClientDuplexStream<string, string>) {
  stream.resume();
  // An error comes before it and says the same.
  const { code, details } = await new Promise<StatusObject>((resolve) => stream.once('status', resolve));
  return { code, details };
}

describe('a gRPC server', () => {
  it('answers message by message, ends well, and hears once that a call is over', async () => {
    const { open, closed } = await start();
    const stream = open();
    stream.write('a');
    expect((await once(stream, 'data'))[0]).toBe('a!');
    stream.end('b');
    expect((await once(stream, 'data'))[0]).toBe('b!');
    expect(await endOf(stream)).toEqual({ code: status.OK, details: '' });
    expect(closed()).toBe(1);
  });

  it('tells a status in any script, before and after the first answer', async () => {
    const { open } = await start();
    const first = open();
    first.write('bye');
    expect(await endOf(first)).toEqual({ code: status.ABORTED, details: 'grüße' });
    const second = open();
    second.write('a');
    await once(second, 'data');
    second.write('bye');
    expect(await endOf(second)).toEqual({ code: status.ABORTED, details: 'grüße' });
  });

  it('sends what is written in one turn in one piece: the second message does not wait for the first', async () => {
    const { port, calls } = await start();
    const session = connect(`http://127.0.0.1:${port}`);
    cleanups.push(() => session.destroy());
    const stream = session.request({ ':method': 'POST', ':path': echoed.path, 'content-type': 'application/grpc' });
    await until(() => calls.length, { what: 'the call' });
    for (const message of ['one', 'two', 'three']) calls[0]?.write(message);
    const [chunk] = await once(stream, 'data');
    expect(chunk.toString()).toMatch(/one.*two.*three/s);
  });

  it.each([
    ['a message that can not be read', 'nonsense', status.INVALID_ARGUMENT, 'no sense'],
    ['an answer that can not be written', 'odd', status.INTERNAL, 'not this one'],
    ['a message that is too long', 'x'.repeat(101), status.RESOURCE_EXHAUSTED, '100 is the most'],
  ])('refuses %s, and goes on', async (_, message, code, details) => {
    const { open } = await start();
    const stream = open();
    stream.write(message);
    expect(await endOf(stream)).toEqual({ code, details: expect.stringContaining(details) });
    const next = open();
    next.write('a');
    expect((await once(next, 'data'))[0]).toBe('a!');
    next.end();
  });

  it('answers single requests, with a status where there is one to tell', async () => {
    const { ask } = await start();
    expect(await ask('yes')).toBe('YES');
    await expect(ask('wrong')).rejects.toMatchObject({ code: status.INVALID_ARGUMENT, details: 'wrong it is' });
    await expect(ask('never', Date.now() + 50)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
  });

  it('knows no other method, and nothing that is not gRPC', async () => {
    const { open, port } = await start();
    expect(await endOf(open('/test.Echo/Other'))).toEqual({
      code: status.UNIMPLEMENTED,
      details: 'there is no method /test.Echo/Other',
    });
    const session = connect(`http://127.0.0.1:${port}`);
    cleanups.push(() => session.destroy());
    const [headers] = await once(session.request({ ':path': echoed.path }), 'response');
    expect(headers[':status']).toBe(415);
  });

  it('hears of a client that breaks off', async () => {
    const { open, calls, closed } = await start();
    const stream = open();
    stream.write('a');
    await once(stream, 'data');
    stream.cancel();
    await until(() => closed() === 1, { what: 'the end of the call' });
    expect(calls[0]?.isOpen).toBe(false);
    expect(calls[0]?.write('late')).toBe(false);
  });

  it('ends the connection of a peer that answers no question', async () => {
    const { port } = await start({ keepaliveMs: 20, keepaliveTimeoutMs: 20 });
    const silent = createConnection(port, '127.0.0.1');
    cleanups.push(() => silent.destroy());
    // The beginning of a client, and its settings: none. It says nothing more.
    silent.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
    silent.resume();
    await once(silent, 'close');
  });

  it('outlives what is no HTTP/2, and frames that make no sense', async () => {
    const { port, open } = await start();
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
    const frame = (type: number, flags: number, stream: number, body: Uint8Array) => {
      const head = Buffer.from([0, 0, body.length, type, flags, 0, 0, 0, stream]);
      return Buffer.concat([head, body]);
    };
    const frames = fc.record({
      type: fc.nat(10),
      flags: fc.nat(255),
      stream: fc.nat(9),
      body: fc.uint8Array({ maxLength: 60 }),
    });
    const said = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((body) => Buffer.from(body)),
      fc
        .array(frames, { maxLength: 20 })
        .map((all) =>
          Buffer.concat([preface, ...all.map(({ type, flags, stream, body }) => frame(type, flags, stream, body))]),
        ),
    );
    for (const words of fc.sample(said, { numRuns: 300, seed: 1 })) {
      const socket = createConnection(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      socket.end(words);
      await once(socket, 'close');
    }
    const stream = open();
    stream.write('a');
    expect((await once(stream, 'data'))[0]).toBe('a!');
    stream.end();
  });

  it('lets an old connection take no new calls, and its calls go on', async () => {
    const { open, calls } = await start({ connectionAge: { ms: 50, random: () => 0.5 } });
    const old = open();
    old.write('a');
    await once(old, 'data');
    await until(
      async () => {
        const stream = open();
        stream.write('b');
        await once(stream, 'data');
        stream.end();
        return calls.at(-1)?.peer !== calls[0]?.peer;
      },
      { what: 'a call on another connection' },
    );
    old.write('c');
    expect((await once(old, 'data'))[0]).toBe('c!');
    old.end();
  });

  it('says at its end why, to who reads it', async () => {
    const { open, calls, server } = await start();
    const stream = open();
    stream.write('a');
    await once(stream, 'data');
    const end = endOf(stream);
    calls[0]?.fail(status.UNAVAILABLE, 'stopping');
    await server.close();
    expect(await end).toEqual({ code: status.UNAVAILABLE, details: 'stopping' });
  });
});
