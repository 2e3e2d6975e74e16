/** Where the programs of the child processes are: `.ts` beside a source file of ours, `.js` beside a built one. */
import { fileURLToPath } from 'node:url';

export type Program = 'control-plane/main' | 'agent/main' | 'agent/gateway';

export function programFile(program: Program): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`../../${program}.${extension}`, import.meta.url));
}
