/** Everything of the surroundings that a command touches; made once in bin, faked in tests. */
import { ApiClient } from '../control-plane/api/client.ts';
import { type Clock, systemClock } from '../control-plane/runtime/clock.ts';
import { type Colors, colorsFor } from './output/colors.ts';

export interface Io {
  /** Writes to standard output, as it is. */
  out(text: string): void;
  /** Writes to standard error, as it is. */
  err(text: string): void;
  /** Standard output is a terminal. */
  readonly isTerminal: boolean;
  readonly colors: Colors;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** 0 <= x < 1 */
  random(): number;
  /** Undefined where users have no numbers. */
  readonly userId: number | undefined;
  readonly homeDirectory: string;
  readonly workingDirectory: string;
  /** @param baseUrl of several the first that answers is asked */
  apiClient(baseUrl: string | readonly string[]): ApiClient;
  /** Sets the exit code that the process ends with when nothing runs any more. */
  exitWith(code: number): void;
}

const REQUEST_TIMEOUT_MS = 5_000;

export function systemIo(homeDirectory: string): Io {
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    isTerminal: process.stdout.isTTY === true,
    colors: colorsFor(process.stdout, process.env),
    environment: process.env,
    clock: systemClock,
    random: Math.random,
    userId: process.getuid?.(),
    homeDirectory,
    workingDirectory: process.cwd(),
    apiClient: (baseUrl) => new ApiClient({ baseUrl, timeoutMs: REQUEST_TIMEOUT_MS }),
    exitWith: (code) => {
      process.exitCode = code;
    },
  };
}
