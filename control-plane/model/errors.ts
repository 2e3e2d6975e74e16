/**
 * The one error class of Howdah. The set of codes is closed: each is mapped here, once, to a gRPC status, an HTTP
 * status and an exit code of the command line, and each is documented in docs/errors.md.
 */
export const ERROR_CODES = {
  /** The request or file is wrong: the user changes it. */
  'invalid-argument': { grpc: 3, http: 400, exit: 2 },
  /** Named thing does not exist. */
  'not-found': { grpc: 5, http: 404, exit: 4 },
  /** Somebody else changed the record meanwhile (compare-and-swap lost). */
  conflict: { grpc: 10, http: 409, exit: 5 },
  /** The state of the cluster forbids what was asked; the text says what to wait for or to do. */
  'failed-precondition': { grpc: 9, http: 412, exit: 6 },
  /** The control plane, an agent or PostgreSQL can't be reached; worth another try. */
  unavailable: { grpc: 14, http: 503, exit: 7 },
  /** It took longer than the limit given. */
  'deadline-exceeded': { grpc: 4, http: 504, exit: 8 },
  /** A file of ours is damaged. Never repaired silently. */
  corrupted: { grpc: 15, http: 500, exit: 9 },
  /** A program or a version that Howdah needs is not there. */
  'missing-dependency': { grpc: 9, http: 500, exit: 10 },
  /** A limit of ours was reached. */
  'resource-exhausted': { grpc: 8, http: 429, exit: 11 },
  /** A defect of Howdah. */
  internal: { grpc: 13, http: 500, exit: 70 },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** One mistake in something that the user wrote. */
export interface Problem {
  /** Where: a path such as `spec.routes.rw.port`, a flag such as `--to`, or a file's name. */
  readonly path: string;
  /** What is wrong and what to do. */
  readonly message: string;
  /** 1-based line in the file, where there is one. */
  readonly line?: number;
}

export class HowdahError extends Error {
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];

  constructor(code: ErrorCode, message: string, options: { problems?: readonly Problem[]; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HowdahError';
    this.code = code;
    this.problems = options.problems ?? [];
  }

  /** Anything thrown, as a HowdahError: itself if it is one, else `internal` with the original as cause. */
  static from(thrown: unknown): HowdahError {
    if (thrown instanceof HowdahError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new HowdahError('internal', message, { cause: thrown });
  }
}
