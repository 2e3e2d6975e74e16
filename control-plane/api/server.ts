// The API over HTTP: each route of the contract answered from a ControlPlaneView.
import Fastify, { type FastifyInstance } from 'fastify';
import { HowdahError } from '../model/errors.ts';
import type { Component } from '../runtime/component.ts';
import type { Logger } from '../runtime/logger.ts';
import { clusterStatus } from './cluster-status.ts';
import {
  type ControlPlaneStatus,
  PROXY_ID_LENGTH_MOST,
  type ProxyStatus,
  ROUTES,
  type RouteInput,
  type RouteName,
  type RouteOutput,
} from './contract.ts';
import { historyEntry } from './history-entry.ts';
import { errorAnswer, fromHttpError, fromSchemaError } from './http-error.ts';
import { FORWARDED, forward, type Peers } from './peers.ts';
import { resolveProxy } from './proxy-name.ts';
import { checkSameOrigin } from './same-origin.ts';
import { specProblems } from './spec-problems.ts';
import type { ClusterView, ControlPlaneView, OperatorRequest } from './view.ts';

/** A ClusterSpec with hundreds of settings is some 30 kB. */
export const BODY_LIMIT_BYTES = 256 * 1024;

export interface ApiServerOptions {
  readonly host: string;
  /** 0 = a free one is chosen. */
  readonly port: number;
  readonly view: ControlPlaneView;
  /** Read at each request, for what is known only after the start. */
  readonly about: () => ControlPlaneStatus;
  readonly peers: Peers;
  readonly log: Logger;
  readonly metrics: MetricsText;
}

/** What `GET /metrics` answers. */
export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

type Handlers = { readonly [Name in RouteName]: (input: RouteInput<Name>) => Promise<RouteOutput<Name>> };

export class ApiServer implements Component {
  readonly name = 'api';
  readonly #options: ApiServerOptions;
  readonly #fastify: FastifyInstance;
  #url = '';

  constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#fastify = createFastify(options, handlers(options));
  }

  /** `http://HOST:PORT`; '' before the start. */
  get url(): string {
    return this.#url;
  }

  /** @throws HowdahError `failed-precondition` when the address can't be listened on. */
  async start(): Promise<void> {
    const { host, port } = this.#options;
    try {
      this.#url = await this.#fastify.listen({ host, port });
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      throw new HowdahError('failed-precondition', `the API can't listen on ${host}:${port}: ${detail}`, {
        cause: error,
      });
    }
  }

  async stop(): Promise<void> {
    await this.#fastify.close();
  }
}

function handlers({ view, about, peers }: Pick<ApiServerOptions, 'view' | 'about' | 'peers'>): Handlers {
  const found = (name: string): ClusterView => {
    const cluster = view.cluster(name);
    if (cluster) return cluster;
    const known = view.clusters().map((other) => other.record.spec.name);
    const others = known.length === 0 ? 'there is none' : `there are: ${known.sort().join(', ')}`;
    throw new HowdahError('not-found', `there is no cluster ${name}; ${others}`);
  };
  const proxy = (name: string): ProxyStatus => {
    const proxies = view.proxies();
    const id = resolveProxy(
      name,
      proxies.map((one) => one.id),
    );
    const meant = proxies.find((one) => one.id === id);
    if (!meant) throw new HowdahError('internal', `proxy ${id} was found and is not there`);
    return meant;
  };
  const status = (cluster: ClusterView) => clusterStatus(cluster, view.proxies(), view.invalidProxies());
  const ask = async (name: string, request: OperatorRequest, dryRun = false) => {
    found(name);
    const message = await (dryRun ? view.wouldRequest(name, request) : view.request(name, request));
    return { message, cluster: status(found(name)) };
  };
  return {
    health: async () => ({ ok: true }),
    status: async () => ({
      controlPlane: about(),
      clusters: view.clusters().map(status),
      strangers: view.strangers().map(({ cluster, instances }) => ({ cluster, instances: [...instances] })),
    }),
    controlPlanes: async () => {
      const leader = peers.leads() ? about().name : (peers.leader()?.name ?? null);
      const controlPlanes = (await peers.all()).map((one) => ({ ...one, leads: one.name === leader }));
      return { controlPlanes, leader };
    },
    cluster: async ({ params }) => status(found(params.name)),
    history: async ({ params }) => ({ entries: found(params.name).record.history.map(historyEntry) }),
    events: async ({ query: { cluster = '', after = '', waitMs = 0 } }) => view.events({ cluster, after, waitMs }),
    explain: async ({ params }) => {
      found(params.name);
      return view.explain(params.name);
    },
    apply: async ({ params, body }) => {
      const problems = specProblems(body, params.name);
      if (problems.length > 0) {
        throw new HowdahError('invalid-argument', `the specification of ${params.name} is wrong`, { problems });
      }
      await view.apply(body);
      return status(found(params.name));
    },
    rebuild: async ({ params, body }) => {
      const problems = specProblems(body.spec, params.name);
      if (problems.length > 0) {
        throw new HowdahError('invalid-argument', `the specification of ${params.name} is wrong`, { problems });
      }
      return view.rebuild(body.spec, body.dryRun === true);
    },
    scale: async ({ params, body }) => {
      const { name } = params;
      const before = found(name).record.spec;
      const problems = specProblems({ ...before, instances: body.instances }, name);
      if (problems.length > 0) {
        const message = `${name} can't have ${body.instances} ${body.instances === 1 ? 'instance' : 'instances'}`;
        throw new HowdahError('invalid-argument', message, { problems });
      }
      const { joining, leaving, ...numbers } = await view.scale(name, body);
      return { ...numbers, joining: [...joining], leaving: [...leaving] };
    },
    switchover: async ({ params, body }) => {
      found(params.name);
      const result = await view.switchover(params.name, body);
      return { ...result, checks: [...result.checks] };
    },
    pause: ({ params }) => ask(params.name, { kind: 'pause' }),
    resume: ({ params }) => ask(params.name, { kind: 'resume' }),
    failover: ({ params, body: { to = '', acceptDataLoss = false, dryRun = false } }) =>
      ask(params.name, { kind: 'failover', to, acceptDataLoss }, dryRun),
    restart: ({ params, body: { instance, waitMs = 0 } }) => {
      if (instance === undefined) return ask(params.name, { kind: 'rolling-restart', why: 'by hand', waitMs });
      return ask(params.name, { kind: 'restart', instance });
    },
    reinit: ({ params, body }) => ask(params.name, { kind: 'reinit', ...body }),
    fence: ({ params, body: { instance, force = false } }) => ask(params.name, { kind: 'fence', instance, force }),
    unfence: ({ params, body }) => ask(params.name, { kind: 'unfence', ...body }),
    proxies: async () => ({
      proxies: view.proxies(),
    }),
    proxy: async ({ params }) => proxy(params.id),
    proxyConfig: async ({ params }) => view.proxyConfig(proxy(params.id).id),
  };
}

function createFastify(options: ApiServerOptions, table: Handlers): FastifyInstance {
  const fastify = Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: true,
    return503OnClosing: true,
    routerOptions: { maxParamLength: 4 * PROXY_ID_LENGTH_MOST },
  });
  fastify.addHook('onRequest', async (request) => {
    const { host, origin, 'sec-fetch-site': fetchSite } = request.headers;
    checkSameOrigin({ host, origin, fetchSite: typeof fetchSite === 'string' ? fetchSite : undefined });
  });
  fastify.setErrorHandler((thrown, request, reply) => {
    const error = fromHttpError(thrown);
    const fields = { method: request.method, url: request.url, code: error.code, err: thrown };
    if (error.code === 'internal') options.log.error(fields, 'request failed');
    else options.log.debug(fields, 'request refused');
    const answer = errorAnswer(error);
    return reply.code(answer.status).send(answer.body);
  });
  fastify.setNotFoundHandler((request) => {
    throw new HowdahError('not-found', `there is no ${request.method} ${request.url}: see docs/api.md`);
  });
  fastify.get('/metrics', async (_request, reply) => {
    reply.header('content-type', options.metrics.contentType);
    return options.metrics.text();
  });
  for (const name of Object.keys(ROUTES) as RouteName[]) addRoute(fastify, name, table, options.peers);
  return fastify;
}

function addRoute<Name extends RouteName>(fastify: FastifyInstance, name: Name, table: Handlers, peers: Peers): void {
  const route = ROUTES[name];
  fastify.route({
    method: route.method,
    url: route.path,
    handler: async (request, reply) => {
      const input = parseInput(name, { params: request.params, query: request.query, body: request.body });
      reply.header('cache-control', 'no-store');
      if (route.method !== 'GET' && !peers.leads()) {
        const { method, url, body, headers } = request;
        const answer = await forward({ method, url, body, wasForwarded: FORWARDED in headers }, peers.leader());
        return reply.code(answer.status).header('content-type', 'application/json; charset=utf-8').send(answer.body);
      }
      return table[name](input);
    },
  });
}

/** @throws HowdahError `invalid-argument` with every problem of path, query and body. */
function parseInput<Name extends RouteName>(name: Name, raw: Record<'params' | 'query' | 'body', unknown>) {
  const route = ROUTES[name];
  const params = route.params.safeParse(raw.params);
  const query = route.query.safeParse(raw.query);
  const body = route.body === null ? { success: true as const, data: null } : route.body.safeParse(raw.body);
  if (params.success && query.success && body.success) {
    // Parsed with the very schemas that RouteInput is inferred from; TypeScript can't follow that by name.
    return { params: params.data, query: query.data, body: body.data } as RouteInput<Name>;
  }
  const failures = [params, query, body].flatMap((part) => (part.success ? [] : [part.error]));
  throw fromSchemaError(`the request ${route.method} ${route.path} is wrong`, failures);
}
