// The control plane's process: the one place that chooses implementations.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { translate } from '../envoy-config/translate.ts';
import {
  buildSnapshot,
  ClientStatusServer,
  InvalidSnapshot,
  SERVER_OPTIONS,
  type Snapshot,
  SnapshotCache,
  XdsServer,
} from '../xds/index.ts';
import { clusterStatus } from './api/cluster-status.ts';
import { ApiServer } from './api/server.ts';
import type { ControlPlaneView } from './api/view.ts';
import { ControlPlaneFile } from './control-plane-file.ts';
import { coordinate } from './coordination.ts';
import { EventLog } from './events/event-log.ts';
import { GrpcServer } from './grpc-server.ts';
import { type MainOptions, parseMainOptions } from './main-options.ts';
import { AGENT_SERVER_OPTIONS, AgentService } from './manager/agent-service.ts';
import { knock } from './manager/knock.ts';
import { Manager } from './manager/manager.ts';
import { Metrics } from './metrics/metrics.ts';
import type { XdsMetrics } from './metrics/xds-metrics.ts';
import { ERROR_CODES, HowdahError } from './model/errors.ts';
import { Rehearsal } from './rehearsal.ts';
import { proxyConfig } from './routing/proxy-config.ts';
import { proxyStates } from './routing/proxy-states.ts';
import { Publisher } from './routing/publisher.ts';
import { RefusalRetry } from './routing/refusal-retry.ts';
import { systemClock } from './runtime/clock.ts';
import { ComponentStack } from './runtime/component.ts';
import { createLogger, type Logger } from './runtime/logger.ts';
import { takePrecedence } from './runtime/precedence.ts';

const clock = systemClock;

/** Runs until the signal; resolves when everything has stopped. */
async function run(options: MainOptions, log: Logger, stop: AbortSignal): Promise<void> {
  const stack = new ComponentStack((component, error) => log.error({ component, err: error }, 'could not be stopped'));
  const startedAt = clock.wall();
  const version = packageVersion();
  const about = () => ({
    ...{ name: options.name, pid: process.pid, version, api: api.url, xds: grpc.address, startedAt },
    leads: peers.leads(),
  });
  const coordination = await coordinate({
    ...{ options, clock, log, stop, self: about },
    onTerm(term) {
      metrics.onTerm();
      manager.onTerm(term);
    },
  });
  const { store, leadership, peers, election } = coordination;
  const cache = new SnapshotCache();
  const events = new EventLog(clock, randomUUID());
  const metrics = new Metrics({
    clock,
    source: {
      proxies: () => xds.proxies(),
      clusters: () => manager.clusters().map((cluster) => clusterStatus(cluster)),
      leads: () => peers.leads(),
    },
  });
  const publisher = publishInto(cache, metrics.xds, log.child({ component: 'publisher' }));
  const manager = new Manager({
    store,
    leadership,
    clock,
    random: Math.random,
    log: log.child({ component: 'manager' }),
    knock,
    onState(state) {
      metrics.clusters.onState(state);
      events.onState(state);
      // Goals leave when this turn ends. They are what a failover waits for, and translating takes milliseconds.
      setImmediate(() => publisher.onState(state));
    },
  });
  const retry = new RefusalRetry({ clock, retry: (node, listeners) => publisher.offerAnew(node, listeners) });
  const xds = createXds({ cache, publisher, retry, metrics: metrics.xds, log: log.child({ component: 'xds' }) });
  const clients = new ClientStatusServer({ source: xds, now: () => clock.now() });
  const agents = new AgentService({
    clock,
    log,
    onHello: (connection) => manager.onHello(connection),
    onReport: (connection, report) => manager.onReport(connection, report),
    onGone: (connection) => manager.onGone(connection),
  });
  const settings = { ...SERVER_OPTIONS, ...AGENT_SERVER_OPTIONS, clock };
  const grpc = new GrpcServer({ listen: options.xds, settings, services: [xds, clients, agents] });
  const view: ControlPlaneView = {
    clusters: () => manager.clusters(),
    cluster: (name) => manager.cluster(name),
    apply: (spec) => manager.apply(spec),
    strangers: () => manager.strangers(),
    rebuild: (spec, dryRun) => manager.rebuild(spec, dryRun),
    scale: (name, request) => manager.scale(name, request),
    switchover: (name, request) => manager.switchover(name, request),
    request: (name, request) => manager.request(name, request),
    wouldRequest: (name, request) => manager.wouldRequest(name, request),
    proxies: () => proxyStates(xds.proxies(), publisher.instanceNodes(), clock.wall()),
    invalidProxies: () => publisher.invalid,
    events: (request) => events.read(request),
    explain: (name) => manager.explain(name),
    proxyConfig: (id) => proxyConfig(id, [...xds.contents((details) => details.id === id)]),
  };
  const api = new ApiServer({ ...options.api, view, about, peers, metrics, log: log.child({ component: 'api' }) });
  if (isIP(options.api.host) === 0 || !options.api.host.startsWith('127.')) {
    log.warn({ host: options.api.host }, 'the API has no login: whoever reaches its address may use it');
  }
  try {
    await stack.start({ name: 'store', start: async () => {}, stop: () => coordination.close() });
    // The records are loaded before an agent can say hello.
    for (const component of [manager, grpc, api]) await stack.start(component);
    await stack.start(new ControlPlaneFile(options.controlPlaneFile, about));
    if (election) await stack.start(election);
    log.info(about(), 'control plane is ready');
    await stack.start(new Rehearsal(clock, log.child({ component: 'rehearsal' })));
    await aborted(stop);
    log.info('control plane stops');
  } finally {
    // Deciding ends first: the streams that break now are no failures.
    await manager.stop();
    events.close();
    retry.stop();
    await stack.stop();
  }
}

function publishInto(cache: SnapshotCache, metrics: XdsMetrics, log: Logger): Publisher<Snapshot> {
  return new Publisher({
    make: (ir) => buildSnapshot(translate(ir)),
    publish(node, snapshot) {
      cache.set(node, snapshot);
      metrics.published();
    },
    onInvalid(node, error) {
      metrics.snapshotRefused();
      const problems = error instanceof InvalidSnapshot ? { problems: error.problems } : { err: error };
      log.error({ node, ...problems }, 'a proxy keeps its last configuration: the new one is wrong');
    },
    later: (action) => setImmediate(action),
  });
}

interface XdsParts {
  readonly cache: SnapshotCache;
  readonly publisher: Publisher<Snapshot>;
  readonly retry: RefusalRetry;
  readonly metrics: XdsMetrics;
  readonly log: Logger;
}

function createXds({ cache, publisher, retry, metrics, log }: XdsParts): XdsServer {
  const { hooks } = metrics;
  return new XdsServer({
    cache,
    clock,
    hooks: {
      ...hooks,
      onNode(node) {
        hooks.onNode();
        log.info({ node }, 'proxy connected');
        publisher.onNode(node);
      },
      onAck(node, event) {
        hooks.onAck(node, event);
        retry.onAck(node, event);
      },
      onNack(node, event) {
        hooks.onNack(node, event);
        retry.onNack(node, event);
        const { type, rejection } = event;
        log.error(
          { node, type, version: rejection.version, reason: rejection.error },
          'proxy refused its configuration',
        );
      },
      onInvalid(node, message) {
        hooks.onInvalid();
        log.warn({ node, reason: message }, 'proxy broke the protocol');
      },
      onClosed(node) {
        hooks.onClosed();
        retry.onClosed(node);
        log.info({ node }, 'proxy gone');
      },
    },
  });
}

/** Of the package's own package.json: one directory up in source, two when built. */
function packageVersion(): string {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const found: { name?: unknown; version?: unknown } = JSON.parse(
        readFileSync(new URL(place, import.meta.url), 'utf8'),
      );
      if (found.name === 'howdah' && typeof found.version === 'string') return found.version;
    } catch {
      // Not there: it is in the other place.
    }
  }
  throw new HowdahError('internal', 'the package.json of howdah is not where it was installed');
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

async function main(): Promise<void> {
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort());
  let log = createLogger({ level: 'info', format: 'json' });
  try {
    const options = parseMainOptions(process.argv.slice(2));
    log = createLogger({ level: options.logLevel, format: options.logFormat });
    const why = takePrecedence();
    if (why !== '') log.debug({ why }, 'runs like everybody else');
    await run(options, log, stop.signal);
  } catch (thrown) {
    const error = HowdahError.from(thrown);
    const cause = error.code === 'internal' ? { err: thrown } : {};
    log.fatal({ code: error.code, problems: error.problems, ...cause }, error.message);
    process.exitCode = ERROR_CODES[error.code].exit;
  }
}

await main();
