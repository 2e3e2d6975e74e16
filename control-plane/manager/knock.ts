/**
 * Knocking: a primary whose stream is silent is asked on fresh connections, each by itself, whether it leads. One
 * connection over a line that loses much can be silent for seconds, because TCP waits twice as long each time; of many
 * some get through. And a machine that takes connections while nobody on it answers has an agent that hangs.
 *
 * What a stream does besides is done too: an answer carries a stamp, and the next knock tells the agent which stamp was
 * heard. That renews the primary's lease as the word that a report arrived does, from when the stamp was given.
 */
import { connect } from 'node:net';
import type { Placement } from '../model/instance.ts';
import { HEARD_HEADER, LEASE_HEADER, STAMP_HEADER } from '../runtime/knock-headers.ts';

export type Sound =
  /** Its agent says that it leads this epoch. */
  | { readonly stamp: string }
  /** The machine took the connection; that says nothing of the agent. */
  | 'connection'
  /** The machine is there, and nobody listens on the port: the agent's process ended, and PostgreSQL with it. */
  | 'refusal';

export interface Door {
  readonly placement: Placement;
  readonly epoch: number;
  readonly leaseMs: number;
  /** Of the newest answer that was heard; null = none was. */
  readonly stamp: string | null;
}

/** Knocks once, as whoever leads the control planes; `hear` is called for what is heard, if anything is. */
export type Knock = (door: Door, hear: (sound: Sound) => void) => void;

/** What is not heard by then is not waited for, ms. */
const LISTEN_MS = 2_000;
const ANSWER = new RegExp(`^HTTP/1\\.1 200 .*^${STAMP_HEADER}: (\\S+)`, 'ims');

export const knock: Knock = ({ placement, epoch, leaseMs, stamp }, hear) => {
  const { host, ports } = placement;
  const socket = connect({ host, port: ports.health, noDelay: true });
  socket.setTimeout(LISTEN_MS, () => socket.destroy());
  // Nobody waits for it at the end of this process.
  socket.unref();
  socket.on('connect', () => hear('connection'));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNREFUSED') hear('refusal');
  });
  socket.once('data', (head) => {
    const told = ANSWER.exec(head.toString('latin1'))?.[1];
    if (told !== undefined) hear({ stamp: told });
    socket.destroy();
  });
  const heard = stamp === null ? [] : [`${HEARD_HEADER}: ${stamp}`];
  const lines = [
    `GET /primary?epoch=${epoch} HTTP/1.1`,
    `host: ${host}`,
    'connection: close',
    `${LEASE_HEADER}: ${leaseMs}`,
  ];
  socket.write([...lines, ...heard, '', ''].join('\r\n'));
};
