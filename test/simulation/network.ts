/** Who can reach whom, and how late: cuts of one direction or both. Bytes are never lost, as on TCP: they wait. */
import type { Kernel } from './kernel.ts';

/** The control plane's place in the network. */
export const CONTROL = 'control';
/** Share of messages that are late while the network is well. */
export const SPIKES = 0.02;

export class Network {
  readonly #kernel: Kernel;
  /** `from>to` that nothing gets through, and by how many cuts. */
  readonly #cuts = new Map<string, number>();
  readonly #waiting: (() => void)[] = [];
  /** Share of messages that are late by hundreds of ms. */
  spikes = SPIKES;
  /** A proxy has taken what it was sent so much later at most, ms. */
  proxyMs = 0;
  /** Instances with a bad line to the control plane, and how long messages take on it at most, ms. */
  readonly #far = new Map<string, number>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  cut(from: string, to: string): void {
    const way = `${from}>${to}`;
    this.#cuts.set(way, (this.#cuts.get(way) ?? 0) + 1);
    this.#kernel.note(`${from} does not reach ${to}`);
  }

  /** Ends one cut; others of the same way last. */
  mend(from: string, to: string): void {
    const way = `${from}>${to}`;
    const left = (this.#cuts.get(way) ?? 1) - 1;
    if (left > 0) this.#cuts.set(way, left);
    else if (this.#cuts.delete(way)) this.#kernel.note(`${from} reaches ${to} again`);
    this.#sendAgain();
  }

  /** Runs soon after a cut ends: what was sent meanwhile is sent again. */
  afterHeal(action: () => void): void {
    this.#waiting.push(action);
  }

  heal(): void {
    this.#sendAgain();
    this.#far.clear();
    this.proxyMs = 0;
    if (this.#cuts.size === 0 && this.spikes < 0.1) return;
    this.#cuts.clear();
    this.spikes = SPIKES;
    this.#kernel.note('network healed');
  }

  #sendAgain(): void {
    const waiting = this.#waiting.splice(0);
    for (const action of waiting) this.#kernel.after(this.#kernel.random.between(1, 120), action);
  }

  reachable(from: string, to: string): boolean {
    return this.#cuts.size === 0 || from === to || !this.#cuts.has(`${from}>${to}`);
  }

  /** Both ways: a connection can be made and makes progress. */
  connected(a: string, b: string): boolean {
    return this.reachable(a, b) && this.reachable(b, a);
  }

  /** Its line to the control plane takes so long at most; 0 = it is well. */
  setFar(instance: string, ms: number): void {
    if (ms > 0) this.#far.set(instance, ms);
    else this.#far.delete(instance);
    this.#kernel.note(`${instance} is ${ms > 0 ? `up to ${ms.toFixed(0)} ms` : 'no more'} away from the control plane`);
  }

  isFar(instance: string): boolean {
    return this.#far.has(instance);
  }

  /** Of a message between the control plane and an instance. */
  lineDelay(instance: string): number {
    const ms = this.#far.size === 0 ? 0 : (this.#far.get(instance) ?? 0);
    return ms === 0 ? this.delay() : this.delay() + this.#kernel.random.between(ms / 2, ms);
  }

  /** Of a configuration that a proxy gets, until it is in force there. */
  proxyDelay(): number {
    return this.proxyMs === 0 ? this.delay() : this.delay() + this.#kernel.random.between(0, this.proxyMs);
  }

  delay(): number {
    const { random } = this.#kernel;
    return random.chance(this.spikes) ? random.between(20, 600) : random.between(0.1, 5);
  }
}

/** One direction of a stream: in order, as late as the network is, waiting while nothing gets through. */
export class Pipe {
  readonly #kernel: Kernel;
  readonly #passes: () => boolean;
  readonly #delay: () => number;
  readonly #queue: { readonly at: number; readonly arrive: () => void }[] = [];
  #waiting = false;
  #open = true;

  /**
   * @param delay of one message, ms
   * @param passes bytes get through at this moment, and the receiver reads
   */
  constructor(kernel: Kernel, delay: () => number, passes: () => boolean) {
    this.#kernel = kernel;
    this.#delay = delay;
    this.#passes = passes;
  }

  send(arrive: () => void): void {
    const earliest = this.#queue.at(-1)?.at ?? 0;
    const at = Math.max(earliest, this.#kernel.now + this.#delay());
    this.#queue.push({ at, arrive });
    if (!this.#waiting) this.#wait(at);
  }

  close(): void {
    this.#open = false;
    this.#queue.length = 0;
  }

  #wait(at: number): void {
    this.#waiting = true;
    this.#kernel.after(at - this.#kernel.now, this.#due);
  }

  /** One for all packets. */
  readonly #due = (): void => {
    this.#waiting = false;
    if (!this.#open) return;
    if (!this.#passes()) {
      // Sent again until it gets through.
      this.#wait(this.#kernel.now + this.#kernel.random.between(20, 120));
      return;
    }
    this.#queue.shift()?.arrive();
    const next = this.#queue[0];
    if (next && !this.#waiting) this.#wait(next.at);
  };
}
