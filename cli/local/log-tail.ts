/**
 * The children write their logs to files, not to pipes: a child whose `up` was killed goes on logging while it stops
 * in order. Here `up` reads what is appended to those files.
 */
import { closeSync, type FSWatcher, fstatSync, openSync, readdirSync, readSync, statSync, watch } from 'node:fs';
import { basename, join } from 'node:path';

interface Position {
  offset: number;
  /** The bytes of a line whose end was not written yet. */
  rest: Buffer;
}

export type LineListener = (process: string, line: string) => void;

/** Tells each line appended to a `NAME.log` of a directory since start(). */
export class LogTail {
  readonly #directory: string;
  readonly #listener: LineListener;
  readonly #positions = new Map<string, Position>();
  #watcher: FSWatcher | undefined;

  constructor(directory: string, listener: LineListener) {
    this.#directory = directory;
    this.#listener = listener;
  }

  start(): void {
    for (const name of this.#logs()) {
      const size = statSync(join(this.#directory, name)).size;
      this.#positions.set(name, { offset: size, rest: Buffer.alloc(0) });
    }
    this.#watcher = watch(this.#directory, (_event, name) => {
      if (name?.endsWith('.log')) this.#read(name);
    });
  }

  /** Reads what is left, then listens no more. */
  stop(): void {
    if (this.#watcher === undefined) return;
    this.#watcher.close();
    this.#watcher = undefined;
    for (const name of this.#logs()) this.#read(name);
  }

  #logs(): string[] {
    return readdirSync(this.#directory).filter((name) => name.endsWith('.log'));
  }

  #read(name: string): void {
    const position = this.#positions.get(name) ?? { offset: 0, rest: Buffer.alloc(0) };
    const appended = readFrom(join(this.#directory, name), position.offset);
    const bytes = Buffer.concat([position.rest, appended]);
    const end = bytes.lastIndexOf(0x0a);
    this.#positions.set(name, { offset: position.offset + appended.length, rest: bytes.subarray(end + 1) });
    if (end === -1) return;
    for (const line of bytes.subarray(0, end).toString('utf8').split('\n')) {
      if (line !== '') this.#listener(basename(name, '.log'), line);
    }
  }
}

function readFrom(file: string, offset: number): Buffer {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    // Moved away between the event and the look.
    return Buffer.alloc(0);
  }
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(descriptor).size - offset));
    const read = readSync(descriptor, bytes, 0, bytes.length, offset);
    return bytes.subarray(0, read);
  } finally {
    closeSync(descriptor);
  }
}
