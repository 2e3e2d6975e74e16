/**
 * A bad line between one node and the bridge: shaper.py carries each frame by hand. The node keeps its address, under the
 * same hardware address, so its connections live on.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ip, NAMESPACES } from './ip.ts';

export interface Traits {
  /** Frames that are lost, a share of 1. Default 0. */
  readonly loss?: number;
  /** In each direction, ms. Default 0. */
  readonly delayMs?: number;
  /** The delay is up to this much more or less, ms. Default 0. */
  readonly jitterMs?: number;
  /** In each direction. Default: as fast as it can. */
  readonly bitsPerSecond?: number;
}

const INNER = 'shaped0';

export class Shaper {
  readonly #name: string;
  readonly #process: ChildProcess;

  private constructor(name: string, process: ChildProcess) {
    this.#name = name;
    this.#process = process;
  }

  static async open(node: { name: string; address: string }, bridge: string, traits: Traits): Promise<Shaper> {
    const { name, address } = node;
    const { loss = 0, delayMs = 0, jitterMs = 0, bitsPerSecond = 0 } = traits;
    const outer = `shaped${address.split('.').at(-1)}`;
    const figures = [loss, delayMs, jitterMs, bitsPerSecond].map(String);
    const program = [join(import.meta.dirname, 'shaper.py'), join(NAMESPACES, name), INNER, outer, ...figures];
    const child = spawn('python3', program, { stdio: ['ignore', 'pipe', 'inherit'] });
    await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`shaper.py ended with ${code}`))),
    ]);
    const [device] = JSON.parse(ip(`-n ${name} -j link show eth0`)) as [{ address: string }];
    const known = ip(`-n ${name} -j neigh show dev eth0`);
    ip(`link set ${outer} master ${bridge} up`);
    ip(`-n ${name} link set eth0 down`);
    ip(`-n ${name} link set ${INNER} address ${device.address} up`);
    ip(`-n ${name} addr add ${address}/24 dev ${INNER}`);
    // Who has which address is not asked over the bad line: a router would know.
    for (const { dst, lladdr } of JSON.parse(known) as { dst: string; lladdr?: string }[]) {
      if (lladdr) ip(`-n ${name} neigh replace ${dst} lladdr ${lladdr} nud permanent dev ${INNER}`);
    }
    return new Shaper(name, child);
  }

  async close(): Promise<void> {
    const ended = once(this.#process, 'exit');
    // Its devices go with it.
    if (this.#process.kill('SIGKILL')) await ended;
    ip(`-n ${this.#name} link set eth0 up`);
  }
}

/** Why no line can be made bad here; undefined when one can. */
export function missingShaper(): string | undefined {
  if (!existsSync('/dev/net/tun')) return 'there is no /dev/net/tun';
  return spawnSync('python3', ['-c', '']).status === 0 ? undefined : 'python3 is not installed';
}
