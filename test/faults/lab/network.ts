/**
 * The machines' network: a namespace for each node, joined by one bridge. A direction between two nodes is cut by
 * telling the sender a hardware address that nobody has: frames leave and are taken by nobody, silently, as with a
 * pulled cable; nothing answers with an error. Only `ip` is needed.
 */
import { mkdirSync } from 'node:fs';
import { ip, NAMESPACES } from './ip.ts';
import { mountMemory } from './sealed.ts';
import { Shaper, type Traits } from './shaper.ts';

export interface Node {
  readonly name: string;
  readonly address: string;
}

/** The node that the test itself is: applications and the gateway are there. */
export const HOST: Node = { name: 'host', address: '10.77.0.1' };
const BRIDGE = 'lab';
const NOBODY = '02:00:00:00:00:01';

export class Network {
  readonly #nodes = new Map<string, Node>([[HOST.name, HOST]]);
  readonly #cuts = new Set<string>();
  readonly #shapers: Shaper[] = [];

  constructor() {
    // Named namespaces are mounts: kept off the machine's own directory.
    mkdirSync(NAMESPACES, { recursive: true });
    mountMemory(NAMESPACES, 1);
    ip('link set lo up');
    ip(`link add ${BRIDGE} type bridge`);
    ip(`addr add ${HOST.address}/24 dev ${BRIDGE}`);
    ip(`link set ${BRIDGE} up`);
  }

  get nodes(): readonly Node[] {
    return [...this.#nodes.values()];
  }

  node(name: string): Node {
    const found = this.#nodes.get(name);
    if (found === undefined) throw new Error(`there is no node ${name}: ${[...this.#nodes.keys()].join(', ')}`);
    return found;
  }

  add(name: string): Node {
    const number = 10 + this.#nodes.size;
    const node = { name, address: `10.77.0.${number}` };
    ip(`netns add ${name}`);
    ip(`link add port${number} type veth peer name eth0 netns ${name}`);
    ip(`link set port${number} master ${BRIDGE} up`);
    ip(`-n ${name} addr add ${node.address}/24 dev eth0`);
    ip(`-n ${name} link set eth0 up`);
    ip(`-n ${name} link set lo up`);
    this.#nodes.set(name, node);
    return node;
  }

  /** Nothing that `from` sends arrives at `to` any more. */
  cutOneWay(from: string, to: string): void {
    this.#neighbour('replace', from, to, `lladdr ${NOBODY} nud permanent`);
    this.#cuts.add(`${from} ${to}`);
  }

  cut(one: string, other: string): void {
    this.cutOneWay(one, other);
    this.cutOneWay(other, one);
  }

  /** From every other node, but for `but`. */
  isolate(name: string, but: readonly string[] = []): void {
    for (const { name: other } of this.nodes) if (other !== name && !but.includes(other)) this.cut(name, other);
  }

  /** All that the node sends and gets goes over a bad line. */
  async shape(name: string, traits: Traits): Promise<void> {
    this.#shapers.push(await Shaper.open(this.node(name), BRIDGE, traits));
  }

  async healAll(): Promise<void> {
    for (const shaper of this.#shapers.splice(0)) await shaper.close();
    for (const cut of this.#cuts) {
      const [from, to] = cut.split(' ');
      this.#neighbour('del', from!, to!, '');
    }
    this.#cuts.clear();
  }

  #neighbour(what: 'replace' | 'del', from: string, to: string, how: string): void {
    const { address } = this.node(to);
    const [where, device] = from === HOST.name ? ['', BRIDGE] : [`-n ${from} `, 'eth0'];
    ip(`${where}neigh ${what} ${address} ${how} dev ${device}`);
  }
}

export function namespaceFile(node: Node): string | null {
  return node.name === HOST.name ? null : `${NAMESPACES}/${node.name}`;
}
