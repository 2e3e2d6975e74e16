/** The wall clocks of a lab's machines: libfaketime shifts each by what a file says. The monotonic clock stays true. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { debianPackages, fetchedDirectory } from '../../support/debian-packages.ts';

const PACKAGE = 'libfaketime';
const LIBRARY = 'usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';
const PLACES = [`/${LIBRARY}`, join(fetchedDirectory(PACKAGE), LIBRARY)];

/** Brings the library; where that fails, missingClock() says what is missing. */
export function fetchClock(): void {
  if (missingClock() === undefined) return;
  try {
    debianPackages(PACKAGE, [PACKAGE]);
  } catch {
    // No Debian, or no network.
  }
}

/** Why no clock can be shifted here; undefined when one can. */
export function missingClock(): string | undefined {
  return PLACES.some(existsSync) ? undefined : 'libfaketime is not there and apt-get could not fetch it';
}

/** What a program's environment needs for its clock to follow the file. https://github.com/wolfcw/libfaketime */
export function clockEnvironment(file: string): Record<string, string> {
  setClock(file, '+0');
  return {
    LD_PRELOAD: PLACES.find(existsSync) ?? '',
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    FAKETIME_DONT_RESET: '1',
    // Its shared memory is named by the process id, and belongs to whoever had that id first.
    FAKETIME_DISABLE_SHM: '1',
  };
}

/** A program in front of another that gives it the true clock: Envoy does not start its listeners with a shifted one. */
export function withTrueClock(program: string, wrapper: string): string {
  writeFileSync(wrapper, `#!/bin/sh\nunset LD_PRELOAD\nexec '${program}' "$@"\n`, { mode: 0o755 });
  return wrapper;
}

/** @param shift for example `+1h`, `-10y`, `+0`; seen within a second */
export function setClock(file: string, shift: string): void {
  writeFileSync(file, `${shift}\n`, { mode: 0o644 });
}
