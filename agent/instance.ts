/** Puts the parts of one instance's PostgreSQL together: everything but Envoy, health and the link. */
import path from 'node:path';
import { goalId } from '../control-plane/model/goal.ts';
import type { InstanceReport } from '../control-plane/model/instance.ts';
import type { Clock } from '../control-plane/runtime/clock.ts';
import type { Component } from '../control-plane/runtime/component.ts';
import type { Logger } from '../control-plane/runtime/logger.ts';
import { Applier } from './apply.ts';
import type { AgentConfig } from './config.ts';
import { Controller } from './controller.ts';
import { GoalMemory } from './goal-memory.ts';
import { Observer } from './observe/observer.ts';
import { resolveAccount } from './postgres/account.ts';
import { DataDirectory } from './postgres/data-directory.ts';
import { openInstallation } from './postgres/installation.ts';
import { readPasswords, writePassfile } from './postgres/passwords.ts';
import { PostgresServer } from './postgres/server.ts';
import { Session } from './postgres/session.ts';
import { SettingsKeeper } from './postgres/settings-keeper.ts';
import { PromiseStore } from './promise.ts';

export interface InstanceOptions {
  readonly config: Omit<AgentConfig, 'envoy' | 'controlPlane' | 'logLevel' | 'logFormat'>;
  readonly bootId: string;
  readonly envoyPid: () => number;
  readonly send: (report: InstanceReport) => void;
  /** A control plane can be heard. */
  readonly isConnected: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Instance extends Component {
  readonly controller: Controller;
  readonly postgresMajor: number;
}

const STATEMENT_LIMIT_MS = 1_000;
const CHECKPOINT_LIMIT_MS = 3_600_000;

/**
 * Ends what an earlier agent left running and opens the promise; PostgreSQL itself waits for a goal, see GoalMemory.
 * @throws HowdahError as readPasswords, resolveAccount, openInstallation and PromiseStore.open.
 */
export async function openInstance(options: InstanceOptions): Promise<Instance> {
  const { bootId, clock, config, envoyPid, send } = options;
  const { directory, instance, placement } = config;
  const log = options.log.child({ component: 'instance' });
  const user = resolveAccount(config.postgres.user);
  const passwords = config.auth === 'scram' && config.passwordFile ? readPasswords(config.passwordFile) : null;
  const passfile = passwords ? await writePassfile(directory, passwords, user) : path.join(directory, 'no-passwords');
  const installation = await openInstallation(config.postgres.binDir, user, {
    ...withoutLibpq(process.env),
    PGPASSFILE: passfile,
  });
  const promise = await PromiseStore.open(path.join(directory, 'promise.json'));
  const data = new DataDirectory({ directory, owner: user, parameters: config.parameters, auth: config.auth });
  const server = new PostgresServer(
    {
      ...{ installation, instance, dataDirectory: data.path, socketDir: placement.socketDir },
      parameters: () => data.parameters,
      log: log.child({ component: 'postgres' }),
    },
    (exit) => {
      session.drop();
      background.drop();
      controller.noteExit(exit);
    },
  );
  await server.clear();
  await data.removeIncoming();

  const login = { socketDir: placement.socketDir, password: passwords?.howdah ?? null };
  const session = new Session({ ...login, applicationName: 'howdah-agent', timeoutMs: STATEMENT_LIMIT_MS });
  const background = new Session({
    ...login,
    applicationName: 'howdah-agent-background',
    timeoutMs: CHECKPOINT_LIMIT_MS,
  });
  const replicationPort = placement.ports.replication;
  const parts = { instance, replicationPort, installation, data, server, session, clock };
  const observer = new Observer(parts);
  const applier = new Applier({ ...parts, background, observer, promise, passwords, log });
  const settings = new SettingsKeeper({
    ...{ file: path.join(directory, 'settings.json'), installation, data, server, clock },
    session: new Session({ ...login, applicationName: 'howdah-agent-settings', timeoutMs: STATEMENT_LIMIT_MS }),
    log: log.child({ component: 'settings' }),
    onChange: () => controller.reportNow(),
  });
  await settings.load();
  const controller = new Controller({
    settings,
    ...{ instance, bootId, replicationPort, observer, applier, server, promise, envoyPid, send, clock },
    onReached: (goal) => memory.reached(goal),
    log: log.child({ component: 'controller' }),
  });
  const memory = new GoalMemory({
    file: path.join(directory, 'follow.json'),
    isConnected: options.isConnected,
    hasGoal: () => controller.goal !== null,
    follow: (goal) => controller.handle({ kind: 'goal', id: goalId(goal), goal, term: 0 }),
    ...{ clock, log },
  });
  return {
    name: 'instance',
    controller,
    postgresMajor: installation.major,
    async start() {
      await controller.start();
      await settings.start();
      await memory.start();
    },
    async stop() {
      await memory.stop();
      await settings.stop();
      await controller.stop();
      session.drop();
      background.drop();
      await promise.close();
    },
  };
}

/** PGHOST and its like in the agent's environment are not meant for an instance's programs. */
function withoutLibpq(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('PG')));
}
