/** Where the control planes of one `howdah up` keep their records: in a file, in an etcd that it starts, or in another's. */
import { HowdahError, type Problem } from '../../control-plane/model/errors.ts';
import type { LocalPlacements } from './placements.ts';
import { LOOPBACK } from './ports.ts';

export type StoreChoice =
  | { readonly kind: 'file' }
  /** Started, kept running and stopped with the rest. */
  | { readonly kind: 'own-etcd' }
  | { readonly kind: 'etcd'; readonly urls: readonly string[] };

export const MOST_CONTROL_PLANES = 5;

/** @throws HowdahError `invalid-argument` with what is wrong about the two flags. */
export function chooseStore(store: string, controlPlanes: number): StoreChoice {
  const problems: Problem[] = [];
  const choice = parse(store);
  if (!choice) {
    problems.push({ path: '--store', message: `must be file, etcd or etcd=http://HOST:PORT,..., not ${store}` });
  }
  if (!Number.isInteger(controlPlanes) || controlPlanes < 1 || controlPlanes > MOST_CONTROL_PLANES) {
    problems.push({ path: '--control-planes', message: `must be a number from 1 to ${MOST_CONTROL_PLANES}` });
  } else if (controlPlanes > 1 && choice?.kind === 'file') {
    problems.push({ path: '--control-planes', message: 'several share a store: add --store etcd' });
  }
  if (!choice || problems.length > 0) {
    throw new HowdahError('invalid-argument', 'the flags are wrong', { problems });
  }
  return choice;
}

function parse(text: string): StoreChoice | undefined {
  if (text === 'file') return { kind: 'file' };
  if (text === 'etcd') return { kind: 'own-etcd' };
  const urls = text.startsWith('etcd=') ? text.slice('etcd='.length).split(',') : [];
  const isUrl = (url: string) =>
    URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) && new URL(url).port !== '';
  return urls.length > 0 && urls.every(isUrl) ? { kind: 'etcd', urls } : undefined;
}

/** What a state directory was begun with stays: another store knows nothing of the clusters whose data is there. */
export function storeProblems(choice: StoreChoice, kept: StoreChoice['kind'], stateDir: string): Problem[] {
  if (choice.kind === kept) return [];
  const flag = { file: '--store file', 'own-etcd': '--store etcd', etcd: '--store etcd=ADDRESS' }[kept];
  const message = `${stateDir} was begun with ${flag}, where the records of its clusters are: give that, or use another --state-dir`;
  return [{ path: '--store', message }];
}

/** As the control plane takes it. */
export function storeFlag(store: StoreChoice, placements: Pick<LocalPlacements, 'etcd'>): string {
  switch (store.kind) {
    case 'file':
      return 'file';
    case 'own-etcd':
      return `etcd=http://${LOOPBACK}:${placements.etcd?.client}`;
    case 'etcd':
      return `etcd=${store.urls.join(',')}`;
  }
}
