import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';

it('lets a process of root run before others, and says why where it may not', () => {
  const script = `
    import { getPriority } from 'node:os';
    import { takePrecedence } from ${JSON.stringify(path.join(import.meta.dirname, 'precedence.ts'))};
    const why = takePrecedence();
    console.log(JSON.stringify({ why, niceness: getPriority() }));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
  const { why, niceness } = JSON.parse(output);
  expect(why === '' ? niceness : why).toEqual(why === '' ? -10 : expect.stringMatching(/EPERM|EACCES|permission/i));
});
