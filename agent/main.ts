/**
 * Entry point of an agent: the parent of one PostgreSQL and one Envoy.
 * `main.ts --config FILE`, FILE being an AgentConfig. SIGTERM and SIGINT stop both in order; exit codes are those of
 * ERROR_CODES, and 0 after a stop that was asked for. If the agent dies otherwise the kernel ends its children.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ERROR_CODES, HowdahError } from '../control-plane/model/errors.ts';
import { systemClock } from '../control-plane/runtime/clock.ts';
import { ComponentStack } from '../control-plane/runtime/component.ts';
import { createLogger } from '../control-plane/runtime/logger.ts';
import { type AgentConfig, readAgentConfig } from './config.ts';
import { parseAddress } from './envoy/address.ts';
import { ConfigCache } from './envoy/cache/config-cache.ts';
import { EnvoyProcess } from './envoy/envoy-process.ts';
import { HealthServer } from './health/health-server.ts';
import { healthView } from './health-view.ts';
import { openInstance } from './instance.ts';
import { ControlLink } from './link/control-link.ts';

async function main(): Promise<void> {
  // Listened for from the first moment: a stop that comes early isn't lost.
  const stopped = Promise.race((['SIGTERM', 'SIGINT', 'SIGHUP'] as const).map((name) => once(process, name)));
  const config = readConfig();
  const { cluster, instance, placement } = config;
  const clock = systemClock;
  const log = createLogger({ level: config.logLevel, format: config.logFormat }).child({ cluster, instance });
  const bootId = randomUUID();
  await mkdir(config.directory, { recursive: true, mode: 0o755 });

  const node = `instance/${cluster}/${instance}`;
  const controlPlanes = config.controlPlane.map(parseAddress);
  const directory = path.join(config.directory, 'envoy');
  const envoy = new EnvoyProcess({
    directory,
    binary: config.envoy.path,
    bootstrap: {
      node,
      cluster,
      zone: placement.zone,
      metadata: {},
      controlPlanes,
    },
    ...{ concurrency: 1, runsFirst: false, log, clock },
    cachePort: () => cache.port,
    onChange: () => {
      cache.envoyChanged();
      controller.reportNow();
    },
  });
  const postgres = await openInstance({
    ...{ config, bootId, clock, log },
    envoyPid: () => envoy.pid,
    // All of them know the state at any time: whoever begins to lead need not ask.
    send: (report) => {
      for (const link of links) link.send(report);
      cache.refresh();
    },
    // Of several only the one that leads has a word for anybody: nobody can tell by a connection that it is there.
    isConnected: () => links.length === 1 && links.some(({ connected }) => connected),
  });
  const { controller } = postgres;
  const cache = new ConfigCache({
    ...{ directory, node, controlPlanes, clock, log },
    admin: (path) => envoy.adminGet(path),
    standing: () => controller.standing,
  });
  const links = config.controlPlane.map(
    (address) =>
      new ControlLink({
        address,
        hello: () => ({ kind: 'hello', cluster, instance, bootId, placement, postgresMajor: postgres.postgresMajor }),
        onMessage: (message) => controller.handle(message),
        onUp: () => controller.reportNow(),
        onDown: () => {},
        random: Math.random,
        ...{ log, clock },
      }),
  );
  const health = new HealthServer({
    host: placement.host,
    port: placement.ports.health,
    view: () => healthView(controller.goal, controller.observed, controller.silentMs),
    knocked: (heard, leaseMs) => controller.knocked(heard, leaseMs),
    log,
  });

  const components = new ComponentStack((component, err) => log.error({ component, err }, 'stop failed'));
  try {
    for (const component of [health, cache, envoy, postgres, ...links]) await components.start(component);
    log.info({ pid: process.pid, bootId }, 'agent started');
    const [signal] = await stopped;
    log.info({ signal }, 'agent stops');
  } finally {
    await components.stop();
  }
}

function readConfig(): AgentConfig {
  let file: string | undefined;
  try {
    file = parseArgs({ options: { config: { type: 'string' } } }).values.config;
  } catch (cause) {
    throw new HowdahError('invalid-argument', cause instanceof Error ? cause.message : String(cause), { cause });
  }
  if (file === undefined) throw new HowdahError('invalid-argument', 'say which instance: --config FILE');
  return readAgentConfig(file);
}

function fail(thrown: unknown): never {
  const error = HowdahError.from(thrown);
  console.error(`howdah agent: ${error.message}`);
  if (error.code === 'internal') console.error(error.cause ?? error.stack);
  process.exit(ERROR_CODES[error.code].exit);
}

// A defect: what state the agent is in is unknown. The kernel ends PostgreSQL and Envoy with it, the next one goes on.
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

try {
  await main();
  process.exit(0);
} catch (thrown) {
  fail(thrown);
}
