/** Where the programs of the child processes are: `.ts` beside a source file of ours, `.js` beside a built one. */
import { fileURLToPath } from 'node:url';
import { HEAP_FLAGS } from '../../control-plane/runtime/heap-flags.ts';

export type Program = 'control-plane/main' | 'agent/main' | 'agent/gateway';

export function programFile(program: Program): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`../../${program}.${extension}`, import.meta.url));
}

/** What node itself is started with. */
export function nodeFlags(program: Program): readonly string[] {
  return program === 'control-plane/main' ? HEAP_FLAGS : [];
}
