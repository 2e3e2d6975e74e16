/** The example of a server of one's own does what its documentation says. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openConnection, RawProxy, VARIANTS } from '../conformance/client.ts';
import { ENDPOINTS } from '../conformance/types.ts';
import { until } from '../support/until.ts';

const EXAMPLE = join(import.meta.dirname, '../../examples/xds-library.ts');

it('the example serves endpoints, with a version of their own', async () => {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, EXAMPLE], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  try {
    const port = await until(() => /127\.0\.0\.1:(\d+)/.exec(output)?.[1], { what: 'the port', timeoutMs: 20_000 });
    const client = openConnection(Number(port));
    const proxy = new RawProxy(client, VARIANTS.deltaAggregated, 'anyone');
    proxy.ask(ENDPOINTS, { add: ['web'] });
    expect((await proxy.take(ENDPOINTS)).versions).toEqual({ web: 'web-2' });
    client.close();
  } finally {
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }
});

it('the documentation shows it as it is', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/xds.md'), 'utf8');
  expect(page).toContain(readFileSync(EXAMPLE, 'utf8'));
});
