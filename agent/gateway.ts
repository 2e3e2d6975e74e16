/**
 * Entry point of a gateway: the parent of the one Envoy through which applications reach every cluster.
 * `gateway.ts --config FILE`, FILE being a GatewayConfig. SIGTERM, SIGINT and SIGHUP stop it in order; exit codes are
 * those of ERROR_CODES, and 0 after a stop that was asked for.
 */
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ERROR_CODES, HowdahError } from '../control-plane/model/errors.ts';
import { systemClock } from '../control-plane/runtime/clock.ts';
import { createLogger } from '../control-plane/runtime/logger.ts';
import { type GatewayConfig, readGatewayConfig } from './config.ts';
import { parseAddress } from './envoy/address.ts';
import { ConfigCache } from './envoy/cache/config-cache.ts';
import { EnvoyProcess } from './envoy/envoy-process.ts';

async function main(): Promise<void> {
  // Listened for from the first moment: a stop that comes early isn't lost.
  const stopped = Promise.race((['SIGTERM', 'SIGINT', 'SIGHUP'] as const).map((name) => once(process, name)));
  const config = readConfig();
  const log = createLogger({ level: config.logLevel, format: config.logFormat }).child({ gateway: config.name });
  const pidFile = path.join(config.directory, 'gateway.pid');
  const node = `gateway/${config.name}`;
  const controlPlanes = config.controlPlane.map(parseAddress);
  const directory = path.join(config.directory, 'envoy');
  const envoy = new EnvoyProcess({
    directory,
    binary: config.envoy.path,
    bootstrap: {
      node,
      cluster: config.name,
      zone: '',
      metadata: {},
      controlPlanes,
    },
    concurrency: 1,
    runsFirst: true,
    log,
    clock: systemClock,
    cachePort: () => cache.port,
    onChange: () => cache.envoyChanged(),
  });
  const cache = new ConfigCache({
    ...{ directory, node, controlPlanes, log },
    admin: (path) => envoy.adminGet(path),
    standing: () => null,
    clock: systemClock,
  });

  await mkdir(config.directory, { recursive: true, mode: 0o700 });
  await writeFile(pidFile, `${process.pid}\n`, { mode: 0o600 });
  try {
    await cache.start();
    await envoy.start();
    log.info({ pid: process.pid }, 'gateway started');
    const [signal] = await stopped;
    log.info({ signal }, 'gateway stops');
  } finally {
    await envoy.stop();
    await cache.stop();
    await rm(pidFile, { force: true });
  }
}

function readConfig(): GatewayConfig {
  let file: string | undefined;
  try {
    file = parseArgs({ options: { config: { type: 'string' } } }).values.config;
  } catch (cause) {
    throw new HowdahError('invalid-argument', cause instanceof Error ? cause.message : String(cause), { cause });
  }
  if (file === undefined) throw new HowdahError('invalid-argument', 'say which gateway: --config FILE');
  return readGatewayConfig(file);
}

try {
  await main();
  process.exit(0);
} catch (thrown) {
  const error = HowdahError.from(thrown);
  console.error(`howdah gateway: ${error.message}`);
  process.exit(ERROR_CODES[error.code].exit);
}
