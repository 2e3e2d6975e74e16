// What is right and wrong with a cluster, one sentence each, for people and for Kubernetes' conditions. Pure.
import { whyNotAutomatic } from '../manager/operations.ts';
import { type ClusterRecord, memberNames, primaryOf } from '../model/cluster-record.ts';
import { instanceNames } from '../model/cluster-spec.ts';
import type { PrimaryState } from '../model/instance.ts';
import { promiseQuorum } from '../model/sync.ts';
import type { Condition, ProxyStatus } from './contract.ts';
import type { ClusterView, InvalidProxy } from './view.ts';

/** Always all of them, in this order, so that a change of one is seen as a change. docs/api.md explains each. */
export function conditions(
  view: ClusterView,
  proxies: readonly ProxyStatus[],
  invalid: readonly InvalidProxy[],
): Condition[] {
  return [
    writable(view),
    durable(view),
    failoverReady(view),
    agentsConnected(view),
    goalsReached(view),
    settingsApplied(view),
    noneFenced(view),
    configValid(view, invalid),
    proxiesAccept(view, proxies),
  ];
}

function condition(type: string, holds: boolean, message: string): Condition {
  return { type, status: holds ? 'True' : 'False', message };
}

function writable({ record }: ClusterView): Condition {
  const { phase, epoch } = record;
  const type = 'Writable';
  switch (phase.kind) {
    case 'forming':
      return condition(type, false, `${phase.primary} makes the first data directory`);
    case 'active':
      if (phase.gate === 'open') return condition(type, true, `${phase.primary} takes writes in epoch ${epoch}`);
      return condition(
        type,
        false,
        `rw is closed until ${phase.sync.k} of ${list(phase.sync.voters)} flushed what ${phase.primary} recovered`,
      );
    case 'draining':
      return condition(type, false, `switchover to ${phase.target}: transactions on ${phase.primary} may end`);
    case 'stopping':
      return condition(type, false, `switchover to ${phase.target}: ${phase.primary} is being stopped`);
    case 'fencing': {
      const { names, quorum } = promisers(record);
      const message = `${phase.cause} from ${phase.from}: ${quorum} of ${list(names)} must promise epoch ${epoch}`;
      return condition(type, false, message);
    }
    case 'promoting':
      return condition(type, false, `${phase.cause} from ${phase.from}: ${phase.candidate} is being promoted`);
  }
}

/** Whether as many standbys stream as a commit waits for. */
function durable(view: ClusterView): Condition {
  const type = 'Durable';
  const { sync, spec } = view.record;
  const primary = primaryState(view);
  if (!primary) return { type, status: 'Unknown', message: 'no primary reports' };
  const asked = spec.durability.quorum;
  const { k, voters } = primary.sync ?? sync;
  if (asked === 0) return condition(type, true, 'commits wait for no standby, as the specification says');
  const streaming = primary.standbys.filter((row) => row.state === 'streaming' && voters.includes(row.name));
  const names = streaming.map((row) => row.name);
  if (k < asked) {
    return condition(type, false, `commits wait for ${k} standbys where ${asked} are asked for: start more standbys`);
  }
  if (names.length >= k) return condition(type, true, `each commit is flushed by ${k} of ${list(names)}`);
  return condition(
    type,
    false,
    `writes wait: a commit needs ${k} of ${list(voters)} and ${names.length === 0 ? 'none' : list(names)} streams`,
  );
}

/** Whether the loss of the primary could be answered now. */
function failoverReady({ record, instances }: ClusterView): Condition {
  const type = 'FailoverReady';
  const { names, quorum } = promisers(record);
  const off = whyNotAutomatic(record);
  if (off !== '') return condition(type, false, off);
  if (record.spec.instances === 1) return condition(type, false, 'a cluster of one has no standby');
  if (names.length === 0) return condition(type, false, 'no standby counts for commits yet');
  const fit = names.filter((name) => {
    const instance = instances.get(name);
    return instance?.connected === true && instance.report?.postgres.kind === 'standby';
  });
  if (fit.length >= quorum) return condition(type, true, `${list(fit)} can take over; ${quorum} must promise`);
  const unfit = names.filter((name) => !fit.includes(name));
  const have = fit.length === 0 ? 'no standby is fit' : `only ${list(fit)} is fit`;
  return condition(type, false, `${have} of the ${quorum} that must promise a new epoch: see to ${list(unfit)}`);
}

/** Who may promise a new epoch, and how many must. An asynchronous cluster has no voters: one standby is enough. */
function promisers(record: ClusterRecord): { names: readonly string[]; quorum: number } {
  const { spec, sync, phase } = record;
  if (spec.durability.mode !== 'async') return { names: sync.voters, quorum: promiseQuorum(sync) };
  const primary = phase.kind === 'fencing' ? phase.from : primaryOf(phase);
  return { names: memberNames(record).filter((name) => name !== primary), quorum: 1 };
}

function agentsConnected({ record, instances }: ClusterView): Condition {
  const missing = memberNames(record).filter((name) => instances.get(name)?.connected !== true);
  const type = 'AgentsConnected';
  if (missing.length === 0) return condition(type, true, 'every agent reports');
  return condition(type, false, `no agent reports for ${list(missing)}`);
}

function goalsReached({ record, instances }: ClusterView): Condition {
  const type = 'GoalsReached';
  const goals = memberNames(record).flatMap((name) => {
    const goal = instances.get(name)?.report?.goal;
    return goal && goal.status !== 'done' ? [{ name, ...goal }] : [];
  });
  if (goals.length === 0) return condition(type, true, 'every instance is as it should be');
  // A failed goal needs a person; it must not be hidden behind one that is only being worked on.
  const failed = goals.filter((goal) => goal.status === 'failed');
  const shown = failed.length > 0 ? failed : goals;
  return condition(type, false, shown.map((goal) => `${goal.name} ${goal.status}: ${goal.detail}`).join('; '));
}

function noneFenced({ record }: ClusterView): Condition {
  const { fenced } = record.operations;
  const type = 'NoneFenced';
  if (fenced.length === 0) return condition(type, true, 'no instance is fenced');
  const undo = fenced.map((name) => `howdah unfence ${name}`).join(', ');
  return condition(type, false, `${list(fenced)} ${fenced.length === 1 ? 'is' : 'are'} kept stopped by hand: ${undo}`);
}

/** Whether PostgreSQL runs everywhere with the settings that the specification has. */
function settingsApplied({ record, instances, settings }: ClusterView): Condition {
  const type = 'SettingsApplied';
  // One that is stopped or starts says nothing of its settings: it counts when the restarts are over.
  const { rolling, restarts } = record.operations;
  const late = rolling ? [`rolling restart (${rolling.why}) is under way`] : [];
  if (restarts.length > 0) late.push(`${list(restarts.map(({ instance }) => instance))} is being restarted`);
  for (const name of instanceNames(record.spec)) {
    const instance = instances.get(name);
    const report = instance?.connected ? instance.report?.settings : undefined;
    if (!report) continue;
    const waiting = report.pendingRestart.map((one) => `${one.name} (${one.running}, to be ${one.wanted})`);
    if (waiting.length > 0) late.push(`${name} has to be restarted for ${waiting.join(', ')}`);
    else if (report.version !== settings.get(name)) late.push(`${name} has not read the newest settings yet`);
  }
  if (late.length === 0) return condition(type, true, 'every setting is in force');
  return condition(type, false, late.join('; '));
}

/** Whether what the proxies are to have next could be published; what can't is not sent, and is no Envoy's matter. */
function configValid({ record }: ClusterView, invalid: readonly InvalidProxy[]): Condition {
  const type = 'ConfigValid';
  const { spec } = record;
  const nodes = memberNames(record).map((instance) => `instance/${spec.name}/${instance}`);
  // A gateway serves every cluster: what is wrong may be any cluster's.
  const own = invalid.filter(({ id }) => nodes.includes(id) || id.startsWith('gateway/'));
  if (own.length === 0) return condition(type, true, 'every configuration could be published');
  const told = own.map(({ id, reason }) => `${id}: ${reason}`);
  return condition(type, false, `not published, the last good one goes on: ${told.join('; ')}`);
}

function proxiesAccept({ record }: ClusterView, proxies: readonly ProxyStatus[]): Condition {
  const type = 'ProxiesAccept';
  const { name } = record.spec;
  // A gateway serves every cluster: what it refuses may be any cluster's.
  const own = proxies.filter(({ id }) => id.startsWith(`instance/${name}/`) || id.startsWith('gateway/'));
  const refused = own.flatMap((proxy) =>
    proxy.types.flatMap(({ type: resource, nacked }) =>
      nacked ? [`${proxy.id} refused ${shortType(resource)} ${nacked.resources.join(', ')}: ${nacked.error}`] : [],
    ),
  );
  if (refused.length === 0) return condition(type, true, 'no proxy refused its configuration');
  return condition(type, false, `${refused.join('; ')}; it goes on with the last accepted one`);
}

function primaryState({ record, instances }: ClusterView): PrimaryState | null {
  const instance = instances.get(primaryOf(record.phase));
  const postgres = instance?.connected ? instance.report?.postgres : undefined;
  return postgres?.kind === 'primary' ? postgres : null;
}

/** `type.googleapis.com/envoy.config.listener.v3.Listener` -> `Listener` */
function shortType(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'nobody' : names.join(', ');
}
