import { parseQuery, type Query } from './query.ts';

/** What the health endpoint answers to a question, from what the agent knows. Pure. */
export interface HealthView {
  readonly role: 'primary' | 'standby' | 'none';
  /** The epoch whose goal PostgreSQL runs for; 0 = none yet. */
  readonly epoch: number;
  /**
   * A standby: bytes of WAL that it received and did not replay; null = not known, or no WAL came for too long, so that
   * how far the primary is ahead is not known either (see standbyLagBytes).
   */
  readonly lagBytes: bigint | null;
  /** PostgreSQL accepts connections. */
  readonly ready: boolean;
  /** One sentence about the state, for people. */
  readonly detail: string;
}

export interface HealthAnswer {
  /** 200 = fit, 503 = not fit, 400 = the question is wrong, 404 = no such question. */
  readonly status: 200 | 400 | 404 | 503;
  readonly reason: string;
}

/**
 * - `/primary?epoch=N`: this instance is the primary, of exactly that epoch where one is asked for.
 * - `/standby?maxLag=BYTES[&orPrimary=true]`: a standby that lags no more than that (default: any lag that is known);
 *   with `orPrimary` the primary too.
 * - `/ready`: PostgreSQL accepts connections. The two above demand this as well.
 */
export function answer(url: string, view: HealthView): HealthAnswer {
  const cut = url.indexOf('?');
  const path = cut === -1 ? url : url.slice(0, cut);
  const question = QUESTIONS.get(path);
  if (question === undefined) return { status: 404, reason: 'ask /primary, /standby or /ready' };
  const query = parseQuery(cut === -1 ? '' : url.slice(cut + 1), question.parameters);
  if (typeof query === 'string') return { status: 400, reason: query };
  if (!view.ready) return { status: 503, reason: `PostgreSQL does not accept connections: ${view.detail}` };
  const unfit = question.unfit(view, query);
  return unfit === '' ? { status: 200, reason: view.detail } : { status: 503, reason: unfit };
}

interface Question {
  readonly parameters: Readonly<Record<string, 'number' | 'boolean'>>;
  /** Why not, or ''. */
  unfit(view: HealthView, query: Query): string;
}

const QUESTIONS: ReadonlyMap<string, Question> = new Map<string, Question>([
  ['/ready', { parameters: {}, unfit: () => '' }],
  [
    '/primary',
    {
      parameters: { epoch: 'number' },
      unfit(view, { epoch }) {
        if (view.role !== 'primary') return `the role is ${view.role}: ${view.detail}`;
        if (epoch !== undefined && BigInt(view.epoch) !== epoch) return `primary of epoch ${view.epoch}, not ${epoch}`;
        return '';
      },
    },
  ],
  [
    '/standby',
    {
      parameters: { maxLag: 'number', orPrimary: 'boolean' },
      unfit(view, { maxLag, orPrimary }) {
        if (view.role === 'primary' && orPrimary === true) return '';
        if (view.role !== 'standby') return `the role is ${view.role}: ${view.detail}`;
        if (view.lagBytes === null) return `the lag is not known: ${view.detail}`;
        if (typeof maxLag === 'bigint' && view.lagBytes > maxLag)
          return `${view.lagBytes} bytes behind, over ${maxLag}`;
        return '';
      },
    },
  ],
]);
