/**
 * Knocking: a primary whose stream is silent is asked on fresh connections, each by itself, whether it leads. One
 * connection over a line that loses much can be silent for seconds, because TCP waits twice as long each time; of many
 * some get through. And a machine that takes connections while nobody on it answers has an agent that hangs.
 */
import { connect } from 'node:net';
import type { Placement } from '../model/instance.ts';

export type Sound =
  /** Its agent says that it leads this epoch. */
  | 'answer'
  /** The machine took the connection; that says nothing of the agent. */
  | 'connection'
  /** The machine is there, and nobody listens on the port: the agent's process ended, and PostgreSQL with it. */
  | 'refusal';

/** Knocks once; `hear` is called for what is heard, if anything is. */
export type Knock = (placement: Placement, epoch: number, hear: (sound: Sound) => void) => void;

/** What is not heard by then is not waited for, ms. */
const LISTEN_MS = 2_000;
const ANSWER = /^HTTP\/1\.1 200 /;

export const knock: Knock = ({ host, ports }, epoch, hear) => {
  const socket = connect({ host, port: ports.health, noDelay: true });
  socket.setTimeout(LISTEN_MS, () => socket.destroy());
  // Nobody waits for it at the end of this process.
  socket.unref();
  socket.on('connect', () => hear('connection'));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNREFUSED') hear('refusal');
  });
  socket.once('data', (head) => {
    if (ANSWER.test(head.toString('latin1'))) hear('answer');
    socket.destroy();
  });
  socket.write(`GET /primary?epoch=${epoch} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
};
