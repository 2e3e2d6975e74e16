/**
 * Cuts the chunks of a stream into lines without keeping more than one bounded line in memory: a child that writes
 * without a line end can't fill its parent's heap.
 */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #maxLength: number;
  #partial = '';
  /** The line being read already went out, cut: its rest is dropped up to the next line end. */
  #dropping = false;

  constructor(onLine: (line: string) => void, maxLength: number) {
    this.#onLine = onLine;
    this.#maxLength = maxLength;
  }

  push(chunk: string): void {
    let from = 0;
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', from)) {
      this.#append(chunk.slice(from, end));
      this.#finishLine();
      from = end + 1;
    }
    this.#append(chunk.slice(from));
  }

  /** The stream ended: what it wrote without a line end is a line too. */
  end(): void {
    if (this.#partial !== '') this.#finishLine();
  }

  #append(text: string): void {
    if (this.#dropping || text === '') return;
    this.#partial += text;
    if (this.#partial.length <= this.#maxLength) return;
    this.#onLine(`${this.#partial.slice(0, this.#maxLength)} [line cut]`);
    this.#partial = '';
    this.#dropping = true;
  }

  #finishLine(): void {
    const line = this.#partial.endsWith('\r') ? this.#partial.slice(0, -1) : this.#partial;
    const wasDropping = this.#dropping;
    this.#partial = '';
    this.#dropping = false;
    if (!wasDropping && line !== '') this.#onLine(line);
  }
}
