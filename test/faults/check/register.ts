/**
 * Is there an order of a register's operations, each at some moment between its call and its answer, in which every read
 * returns what was written last? The search of Wing and Gong with Lowe's memory of what was tried: exact, and fast as
 * long as few operations run at once. http://www.cs.ox.ac.uk/people/gavin.lowe/LinearizabiltyTesting/paper.pdf
 */
export interface RegisterOperation {
  readonly kind: 'write' | 'read';
  /** Written or returned. No two writes have the same. */
  readonly value: number;
  /** Monotonic ms. */
  readonly calledAt: number;
  /** Infinity: nobody knows whether and when it took effect. Reads without an answer are left out. */
  readonly answeredAt: number;
}

export type Linearizability =
  | { readonly kind: 'linearizable' }
  /** The operation that fits nowhere, in the order that came furthest, and the value that the register had there. */
  | { readonly kind: 'violated'; readonly operation: RegisterOperation; readonly value: number };

/** @param initial the register's value before the first operation */
export function checkRegister(operations: readonly RegisterOperation[], initial: number): Linearizability {
  const reads = new Set(operations.filter(({ kind }) => kind === 'read').map(({ value }) => value));
  // What nobody saw and nobody was promised may as well not have happened: without it the search stays small.
  const told = operations.filter(({ answeredAt, value }) => Number.isFinite(answeredAt) || reads.has(value));
  return new Search(told, initial).run();
}

/** A call or an answer in the order of time; those of operations that are placed are taken out of the list. */
interface Event {
  readonly operation: RegisterOperation;
  /** Of the operation, counted from 0. */
  readonly index: number;
  readonly isCall: boolean;
  answer: Event | undefined;
  before: Event | undefined;
  after: Event | undefined;
}

class Search {
  readonly #head: Event;
  readonly #placed: Uint32Array;
  readonly #tried = new Set<string>();
  readonly #stack: { readonly call: Event; readonly value: number }[] = [];
  #unanswered: number;
  #value: number;
  #deepest: { readonly depth: number; readonly event: Event; readonly value: number } | undefined;

  constructor(operations: readonly RegisterOperation[], initial: number) {
    this.#head = eventList(operations);
    this.#placed = new Uint32Array(Math.ceil(operations.length / 32));
    this.#unanswered = operations.filter(({ answeredAt }) => Number.isFinite(answeredAt)).length;
    this.#value = initial;
  }

  run(): Linearizability {
    let event = this.#head.after;
    while (this.#unanswered > 0) {
      // Every event that is left belongs to operations without an answer, or the first answer is reached.
      if (event === undefined || !event.isCall) {
        if (event !== undefined && (this.#deepest?.depth ?? -1) < this.#stack.length) {
          this.#deepest = { depth: this.#stack.length, event, value: this.#value };
        }
        const last = this.#stack.pop();
        if (last === undefined) return this.#violated();
        this.#takeBack(last.call, last.value);
        event = last.call.after;
      } else {
        event = this.#place(event) ? this.#head.after : event.after;
      }
    }
    return { kind: 'linearizable' };
  }

  /** Lets the operation happen now, if it can and if that leads to nothing that was tried before. */
  #place(call: Event): boolean {
    const { kind, value, answeredAt } = call.operation;
    if (kind === 'read' && value !== this.#value) return false;
    this.#mark(call.index);
    const key = `${this.#placed.join()} ${value}`;
    if (this.#tried.has(key)) {
      this.#mark(call.index);
      return false;
    }
    this.#tried.add(key);
    this.#stack.push({ call, value: this.#value });
    this.#value = value;
    if (Number.isFinite(answeredAt)) this.#unanswered--;
    takeOut(call);
    if (call.answer) takeOut(call.answer);
    return true;
  }

  #takeBack(call: Event, value: number): void {
    this.#value = value;
    this.#mark(call.index);
    if (Number.isFinite(call.operation.answeredAt)) this.#unanswered++;
    if (call.answer) putBack(call.answer);
    putBack(call);
  }

  #mark(index: number): void {
    this.#placed[index >>> 5]! ^= 1 << (index & 31);
  }

  #violated(): Linearizability {
    const { event, value } = this.#deepest!;
    return { kind: 'violated', operation: event.operation, value };
  }
}

function eventList(operations: readonly RegisterOperation[]): Event {
  const nothing = { answer: undefined, before: undefined, after: undefined };
  const events = operations.flatMap((operation, index): Event[] => {
    const call: Event = { operation, index, isCall: true, ...nothing };
    if (!Number.isFinite(operation.answeredAt)) return [call];
    call.answer = { operation, index, isCall: false, ...nothing };
    return [call, call.answer];
  });
  const at = ({ isCall, operation }: Event) => (isCall ? operation.calledAt : operation.answeredAt);
  // At the same time: calls first, so that the two count as running at once.
  events.sort((a, b) => at(a) - at(b) || Number(b.isCall) - Number(a.isCall));
  const head: Event = { operation: operations[0]!, index: -1, isCall: true, ...nothing };
  let last = head;
  for (const event of events) {
    last.after = event;
    event.before = last;
    last = event;
  }
  return head;
}

function takeOut(event: Event): void {
  event.before!.after = event.after;
  if (event.after) event.after.before = event.before;
}

function putBack(event: Event): void {
  event.before!.after = event;
  if (event.after) event.after.before = event;
}
