/** The replication connections of one server: its walsenders, and that of its own WAL receiver. */
import type { Disk } from './disk-model.ts';
import type { WalStream } from './wal-stream.ts';

export class Streams {
  /** Of the running WAL receiver. */
  upstream: WalStream | null = null;
  senders: readonly WalStream[] = [];
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  opened(stream: WalStream): void {
    this.senders = [...this.senders, stream];
    stream.send();
    this.#onChange();
  }

  serves(slot: string): boolean {
    return this.senders.some((stream) => stream.slot === slot);
  }

  /** More was flushed here. */
  send(): void {
    for (const stream of this.senders) stream.send();
  }

  /** A clean shutdown: the last record reaches the connected standbys before the process ends. */
  sendLast(disk: Disk): void {
    for (const stream of this.senders) stream.sendLast(disk);
  }

  senderGone(stream: WalStream): void {
    stream.senderOpen = false;
    this.senders = this.senders.filter((other) => other !== stream);
    this.#onChange();
  }

  dropUpstream(): void {
    const stream = this.upstream;
    this.upstream = null;
    if (stream === null) return;
    stream.receiverOpen = false;
    // Cut off, the walsender learns of it by its time limit only.
    stream.check();
    this.#onChange();
  }

  /** The process ended, and all of them with it. */
  end(): void {
    this.dropUpstream();
    const ended = this.senders;
    this.senders = [];
    for (const stream of ended) stream.senderOpen = false;
    for (const stream of ended) if (stream.receiverOpen) stream.check();
  }

  /** The network, or the route to `source`, went away; called by the world's clockwork. */
  check(leadsTo: (stream: WalStream) => boolean): void {
    for (const stream of this.senders) stream.check();
    this.upstream?.check();
    if (this.upstream && !leadsTo(this.upstream)) this.dropUpstream();
  }
}
