/** What Envoy says of a configuration, by `--mode validate`: nothing is bound or connected. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { JsonObject } from '../../../proto/json.ts';
import { tempDir } from '../temp-dir.ts';

/** Longer than any config takes; an Envoy that hangs must not hang the test. */
const TIMEOUT_MS = 20_000;

/** '' when Envoy takes it, else its words. */
export async function envoyVerdict(envoyPath: string, config: JsonObject): Promise<string> {
  using directory = tempDir();
  const file = `${directory.path}/envoy.json`;
  writeFileSync(file, JSON.stringify(config));
  const options = ['--mode', 'validate', '-c', file, '--log-level', 'critical', '--disable-hot-restart'];
  const child = spawn(envoyPath, options, { stdio: ['ignore', 'ignore', 'pipe'], timeout: TIMEOUT_MS });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [status] = await once(child, 'close');
  if (status === 0) return '';
  return wordsOf(said, file) || `exit status ${status}`;
}

/**
 * Without time, thread, place in the source, the file's name, and the mark that protobuf puts into debug texts so that
 * nobody parses them: the same each time.
 */
function wordsOf(said: string, file: string): string {
  return said
    .replace(/^\[[^\]]*\]\[\d+\]\[\w+\]\[\w+\] \[[^\]]*\] /gm, '')
    .replaceAll(file, 'FILE')
    .replace(/^error initializing configuration 'FILE': /, '')
    .replace(/goo\.gle\/debug\w+\s*/g, '')
    .trim();
}

/** All results, in the order of the inputs; `width` of them are worked on at once. */
export async function inParallel<Input, Output>(
  inputs: readonly Input[],
  width: number,
  work: (input: Input) => Promise<Output>,
): Promise<Output[]> {
  const results: Output[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < inputs.length; index = next++) results[index] = await work(inputs[index]!);
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}
