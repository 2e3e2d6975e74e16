// DIR/control-plane.json: how commands find the control plane of a state directory.
import { rename, rm, writeFile } from 'node:fs/promises';
import type { Component } from './runtime/component.ts';

export interface ControlPlaneFileContent {
  readonly pid: number;
  /** `http://HOST:PORT` */
  readonly api: string;
  /** `HOST:PORT` */
  readonly xds: string;
}

/** Last to start: who reads the file finds everything serving. */
export class ControlPlaneFile implements Component {
  readonly name = 'control-plane-file';
  readonly #path: string;
  readonly #content: () => ControlPlaneFileContent;

  constructor(path: string, content: () => ControlPlaneFileContent) {
    this.#path = path;
    this.#content = content;
  }

  /** The file appears whole or not at all. */
  async start(): Promise<void> {
    const half = `${this.#path}.${process.pid}`;
    await writeFile(half, `${JSON.stringify(this.#content())}\n`, { mode: 0o600 });
    await rename(half, this.#path);
  }

  async stop(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}
