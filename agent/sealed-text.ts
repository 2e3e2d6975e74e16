/** JSON with a checksum over it, for files that are read again after a crash. Pure. */
import { createHash } from 'node:crypto';
import type { Json } from '../proto/json.ts';

/** Two lines: the JSON, and its SHA-256. */
export function seal(json: Json): string {
  const content = JSON.stringify(json);
  return `${content}\n${checksum(content)}\n`;
}

/** What was sealed; undefined when the text is not exactly that. */
export function unseal(text: string): Json | undefined {
  const [content = '', sum] = text.split('\n');
  return sum === checksum(content) ? JSON.parse(content) : undefined;
}

function checksum(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
