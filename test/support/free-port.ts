import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

const given = new Set<number>();

/** A TCP port on 127.0.0.1 that nobody listens on; never the same twice in one process. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port!;
}

export async function freePorts(count: number): Promise<number[]> {
  const open: Server[] = [];
  const ports: number[] = [];
  try {
    // All are held at once, so that the kernel can't give the same one again.
    while (ports.length < count) {
      const server = createServer().listen(0, '127.0.0.1');
      open.push(server);
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      if (given.has(port)) continue;
      given.add(port);
      ports.push(port);
    }
    return ports;
  } finally {
    await Promise.all(open.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}
