/** Where a demo lives: the user's directory, which is kept, or a temporary one, which is gone afterwards. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresUser } from '../../control-plane/runtime/binaries/index.ts';
import { prepareStateDirectory } from '../local/preflight.ts';

export const DEMO_CLUSTER = 'demo';

export interface DemoHome {
  readonly directory: string;
  /** The document of the demo's cluster. */
  readonly file: string;
  /** Removed at the end. */
  readonly temporary: boolean;
  /** Idempotent. To be called when nothing runs in it any more. */
  leave(): void;
}

/**
 * @param given absolute; undefined = a temporary one
 * @throws HowdahError `failed-precondition` when the directory can't be written or PostgreSQL's user can't reach it.
 */
export function makeDemoHome(given: string | undefined, instances: number): DemoHome {
  const temporary = given === undefined;
  const wished = given ?? mkdtempSync(join(tmpdir(), 'howdah-demo-'));
  const leave = () => {
    // Processes that are just ending may still write into it.
    if (temporary) rmSync(wished, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };
  try {
    const directory = prepareStateDirectory(wished, postgresUser());
    const file = join(directory, 'demo.yaml');
    writeFileSync(file, demoDocument(instances));
    return { directory, file, temporary, leave };
  } catch (error) {
    leave();
    throw error;
  }
}

export function demoDocument(instances: number): string {
  return [
    'apiVersion: howdah.dev/v1alpha1',
    'kind: PostgresCluster',
    'metadata:',
    `  name: ${DEMO_CLUSTER}`,
    'spec:',
    `  instances: ${instances}`,
    '',
  ].join('\n');
}
