/** How much one proxy, or one machine that looks like many, may take. All are answered with RESOURCE_EXHAUSTED. */
export interface XdsLimits {
  /** Names that one stream may subscribe to, of each type, and that one request may list. */
  readonly namesPerType: number;
  /** Types that one stream may ask for. */
  readonly typesPerStream: number;
  /** Streams of one connection: a proxy without ADS opens one for each type and cluster. */
  readonly streamsPerConnection: number;
  /** Connections with a stream from one address; proxies behind a NAT count as one. */
  readonly connectionsPerPeer: number;
}

export const DEFAULT_LIMITS: XdsLimits = {
  namesPerType: 20_000,
  typesPerStream: 16,
  streamsPerConnection: 2_048,
  connectionsPerPeer: 16_384,
};

/** Counts streams by connection and connections by address. */
export class Admission {
  readonly #limits: XdsLimits;
  /** Streams by port, by address. */
  readonly #peers = new Map<string, Map<string, number>>();

  constructor(limits: XdsLimits) {
    this.#limits = limits;
  }

  /**
   * @param peer `ADDRESS:PORT`; anything else, such as a unix socket's, is not counted
   * @returns why not, or ''
   */
  admit(peer: string): string {
    const at = split(peer);
    if (!at) return '';
    const [address, port] = at;
    const connections = this.#peers.get(address) ?? new Map<string, number>();
    const streams = connections.get(port) ?? 0;
    const { streamsPerConnection, connectionsPerPeer } = this.#limits;
    if (streams >= streamsPerConnection) return `a connection may have ${streamsPerConnection} streams`;
    if (streams === 0 && connections.size >= connectionsPerPeer) {
      return `${address} may have ${connectionsPerPeer} connections`;
    }
    connections.set(port, streams + 1);
    this.#peers.set(address, connections);
    return '';
  }

  /** Of a stream that was admitted. */
  release(peer: string): void {
    const at = split(peer);
    if (!at) return;
    const [address, port] = at;
    const connections = this.#peers.get(address);
    const streams = connections?.get(port) ?? 0;
    if (streams > 1) connections?.set(port, streams - 1);
    else connections?.delete(port);
    if (connections?.size === 0) this.#peers.delete(address);
  }
}

function split(peer: string): [address: string, port: string] | undefined {
  const colon = peer.lastIndexOf(':');
  return colon > 0 ? [peer.slice(0, colon), peer.slice(colon + 1)] : undefined;
}
