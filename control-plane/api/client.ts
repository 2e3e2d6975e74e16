// The API's client: what the command line, the dashboard and tests call the control plane with.
import { z } from 'zod';
import type { ClusterSpec } from '../model/cluster-spec.ts';
import { HowdahError } from '../model/errors.ts';
import { errorBodySchema, ROUTES, type RouteInput, type RouteName, type RouteOutput } from './contract.ts';
import type { ScaleRequest, SwitchoverRequest } from './view.ts';

export interface ApiClientOptions {
  /** `http://HOST:PORT`, as in control-plane.json; of several the first that answers is asked. */
  readonly baseUrl: string | readonly string[];
  /** Limit of one request, in ms; for a switchover it is added to the time that the request itself allows. */
  readonly timeoutMs: number;
}

/** Every method throws the HowdahError that the control plane answered, or `unavailable` when it can't be reached. */
export class ApiClient {
  /** The one that answered last first. */
  #baseUrls: readonly string[];
  readonly #timeoutMs: number;

  constructor(options: ApiClientOptions) {
    this.#baseUrls = [options.baseUrl].flat().map((url) => url.replace(/\/+$/, ''));
    this.#timeoutMs = options.timeoutMs;
  }

  health(): Promise<RouteOutput<'health'>> {
    return this.#call('health', { params: {}, query: {}, body: null });
  }

  status(): Promise<RouteOutput<'status'>> {
    return this.#call('status', { params: {}, query: {}, body: null });
  }

  controlPlanes(): Promise<RouteOutput<'controlPlanes'>> {
    return this.#call('controlPlanes', { params: {}, query: {}, body: null });
  }

  cluster(name: string): Promise<RouteOutput<'cluster'>> {
    return this.#call('cluster', { params: { name }, query: {}, body: null });
  }

  history(name: string): Promise<RouteOutput<'history'>> {
    return this.#call('history', { params: { name }, query: {}, body: null });
  }

  events(query: RouteInput<'events'>['query']): Promise<RouteOutput<'events'>> {
    return this.#call('events', { params: {}, query, body: null }, query.waitMs ?? 0);
  }

  explain(name: string): Promise<RouteOutput<'explain'>> {
    return this.#call('explain', { params: { name }, query: {}, body: null });
  }

  /** Creates the cluster or changes it; the same spec again changes nothing. */
  apply(spec: ClusterSpec): Promise<RouteOutput<'apply'>> {
    return this.#call('apply', { params: { name: spec.name }, query: {}, body: spec });
  }

  /** Makes the record of a cluster anew that runs and that the store does not know. */
  rebuild(spec: ClusterSpec, dryRun: boolean): Promise<RouteOutput<'rebuild'>> {
    return this.#call('rebuild', { params: { name: spec.name }, query: {}, body: { spec, dryRun } });
  }

  /** Resolves when the new number is stored; instances join and leave after that. */
  scale(name: string, request: ScaleRequest): Promise<RouteOutput<'scale'>> {
    return this.#call('scale', { params: { name }, query: {}, body: request });
  }

  switchover(name: string, request: SwitchoverRequest): Promise<RouteOutput<'switchover'>> {
    const extraMs = (request.waitMs ?? 0) + SWITCHOVER_ALLOWANCE_MS;
    return this.#call('switchover', { params: { name }, query: {}, body: request }, extraMs);
  }

  /** No failover by itself until it is resumed. */
  pause(name: string): Promise<RouteOutput<'pause'>> {
    return this.#call('pause', { params: { name }, query: {}, body: {} });
  }

  resume(name: string): Promise<RouteOutput<'resume'>> {
    return this.#call('resume', { params: { name }, query: {}, body: {} });
  }

  /** To be waited for by looking at the status, as all below. */
  failover(name: string, body: RouteInput<'failover'>['body']): Promise<RouteOutput<'failover'>> {
    return this.#call('failover', { params: { name }, query: {}, body });
  }

  restart(name: string, body: RouteInput<'restart'>['body']): Promise<RouteOutput<'restart'>> {
    return this.#call('restart', { params: { name }, query: {}, body });
  }

  reinit(name: string, body: RouteInput<'reinit'>['body']): Promise<RouteOutput<'reinit'>> {
    return this.#call('reinit', { params: { name }, query: {}, body });
  }

  fence(name: string, body: RouteInput<'fence'>['body']): Promise<RouteOutput<'fence'>> {
    return this.#call('fence', { params: { name }, query: {}, body });
  }

  unfence(name: string, body: RouteInput<'unfence'>['body']): Promise<RouteOutput<'unfence'>> {
    return this.#call('unfence', { params: { name }, query: {}, body });
  }

  proxies(): Promise<RouteOutput<'proxies'>> {
    return this.#call('proxies', { params: {}, query: {}, body: null });
  }

  /** @param name a node id, or its end: `orders-1` */
  proxy(name: string): Promise<RouteOutput<'proxy'>> {
    return this.#call('proxy', { params: { id: name }, query: {}, body: null });
  }

  proxyConfig(name: string): Promise<RouteOutput<'proxyConfig'>> {
    return this.#call('proxyConfig', { params: { id: name }, query: {}, body: null });
  }

  async #call<Name extends RouteName>(name: Name, input: RouteInput<Name>, extraMs = 0): Promise<RouteOutput<Name>> {
    const isRead = ROUTES[name].method === 'GET';
    const last = this.#baseUrls.length - 1;
    for (const [index, baseUrl] of this.#baseUrls.entries()) {
      // One that is frozen shall not use up the time of a question that others can answer.
      const timeoutMs = isRead && index < last ? Math.min(this.#timeoutMs, TRY_LIMIT_MS) : this.#timeoutMs + extraMs;
      try {
        const answer = await this.#ask(name, input, baseUrl, timeoutMs);
        if (index > 0) this.#baseUrls = [baseUrl, ...this.#baseUrls.filter((url) => url !== baseUrl)];
        return answer;
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        if (index === last || !(isRead || error.wasRefused)) throw error.shown;
      }
    }
    throw new HowdahError('internal', 'there is no control plane to ask');
  }

  async #ask<Name extends RouteName>(
    name: Name,
    input: RouteInput<Name>,
    baseUrl: string,
    timeoutMs: number,
  ): Promise<RouteOutput<Name>> {
    const route = ROUTES[name];
    const url = `${baseUrl}${fillPath(route.path, input.params)}${queryText(input.query)}`;
    let status: number;
    let text: string;
    try {
      const response = await fetch(url, {
        method: route.method,
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
        ...(route.body === null
          ? {}
          : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(input.body) }),
      });
      status = response.status;
      text = await response.text();
    } catch (error) {
      throw new Unreachable(error, unreachable(error, baseUrl, timeoutMs));
    }
    const body = parseJson(text);
    if (status !== 200) throw refused(status, body, baseUrl);
    const parsed = route.response.safeParse(body);
    if (!parsed.success) throw foreign(`${route.path}: ${z.prettifyError(parsed.error)}`, baseUrl);
    // The schema just parsed with is the one that RouteOutput is inferred from; TypeScript can't follow that by name.
    return parsed.data as RouteOutput<Name>;
  }
}

function unreachable(error: unknown, baseUrl: string, timeoutMs: number): HowdahError {
  if (error instanceof Error && error.name === 'TimeoutError') {
    const message = `the control plane at ${baseUrl} did not answer within ${timeoutMs} ms`;
    return new HowdahError('deadline-exceeded', message, { cause: error });
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const detail = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new HowdahError(
    'unavailable',
    `no control plane answers at ${baseUrl} (${detail}): start one with "howdah up -f FILE", or name the right one with --state-dir or --api`,
    { cause: error },
  );
}

function refused(status: number, body: unknown, baseUrl: string): HowdahError {
  const parsed = errorBodySchema.safeParse(body);
  if (!parsed.success) return foreign(`HTTP status ${status}`, baseUrl);
  const { code, message, problems } = parsed.data.error;
  return new HowdahError(code, message, {
    problems: problems.map(({ path, message, line }) => ({ path, message, ...(line === undefined ? {} : { line }) })),
  });
}

function foreign(detail: string, baseUrl: string): HowdahError {
  return new HowdahError(
    'unavailable',
    `what answers at ${baseUrl} is not a Howdah control plane of this version (${detail})`,
  );
}

/** Nobody answered: the next one may be asked. */
class Unreachable extends Error {
  readonly shown: HowdahError;
  /** Nobody listens there, so the request reached nobody. */
  readonly wasRefused: boolean;

  constructor(error: unknown, shown: HowdahError) {
    super(shown.message);
    this.shown = shown;
    const cause = error instanceof Error ? error.cause : undefined;
    this.wasRefused = cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED';
  }
}

/** For each of several control planes but the last, ms. */
const TRY_LIMIT_MS = 1_500;

/** What a switchover itself may take beyond its wait for transactions. */
const SWITCHOVER_ALLOWANCE_MS = 60_000;

function fillPath(path: string, params: Readonly<Record<string, string>>): string {
  return path.replace(/:([a-z]+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
}

function queryText(query: Readonly<Record<string, unknown>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  return search.size === 0 ? '' : `?${search}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
