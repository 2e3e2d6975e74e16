// Builders of what the control plane shows of its clusters, and a control plane that shows what a test wants.

import type { ProxyConfig, ProxyStatus } from '../../control-plane/api/contract.ts';
import type { Explanation } from '../../control-plane/api/explain-schema.ts';
import type {
  ClusterView,
  ControlPlaneView,
  EventPage,
  EventRequest,
  InstanceView,
  InvalidProxy,
  OperatorRequest,
  RebuildResult,
  ScaleRequest,
  ScaleResult,
  SwitchoverRequest,
  SwitchoverResult,
} from '../../control-plane/api/view.ts';
import type { ClusterRecord } from '../../control-plane/model/cluster-record.ts';
import { type ClusterSpec, instanceNames } from '../../control-plane/model/cluster-spec.ts';
import type { InstanceReport, PrimaryState, StandbyState } from '../../control-plane/model/instance.ts';
import { parseLsn } from '../../control-plane/model/lsn.ts';
import { buildRecord } from './build-record.ts';

export function buildPrimaryState(change: Partial<PrimaryState> = {}): PrimaryState {
  return {
    kind: 'primary',
    flushLsn: parseLsn('0/5000000'),
    endOfRecoveryLsn: parseLsn('0/3000148'),
    sync: { voters: ['orders-2', 'orders-3'], k: 1 },
    standbys: ['orders-2', 'orders-3'].map((name) => ({
      name,
      state: 'streaming',
      syncState: 'quorum',
      flushLsn: parseLsn('0/5000000'),
      replayLsn: parseLsn('0/5000000'),
    })),
    checkpointTimeline: 2,
    activeTransactions: 0,
    ...change,
  };
}

export function buildStandbyState(change: Partial<StandbyState> = {}): StandbyState {
  return {
    kind: 'standby',
    receiveLsn: parseLsn('0/5000000'),
    replayLsn: parseLsn('0/4FFFF00'),
    streaming: true,
    ...change,
  };
}

export function buildReport(instance: string, change: Partial<InstanceReport> = {}): InstanceReport {
  return {
    instance,
    bootId: `boot-of-${instance}`,
    seq: 1,
    term: 0,
    promisedEpoch: 1,
    goal: { id: 'e1/lead', status: 'done', detail: 'takes writes' },
    systemId: '7391827364518273645',
    timeline: 2,
    history: [],
    postgres: buildStandbyState(),
    pids: { agent: 100, postgres: 101, envoy: 102 },
    ...change,
  };
}

export function buildInstanceView(report: InstanceReport | null, connected = report !== null): InstanceView {
  return { connected, lastReportAgoMs: report ? 10 : null, report };
}

/** A healthy cluster: the first instance leads, the others stream. `instances` replaces some. */
export function buildView(
  change: { record?: ClusterRecord; reason?: string; instances?: Record<string, InstanceView> } = {},
): ClusterView {
  const record = change.record ?? buildRecord();
  const [first = ''] = instanceNames(record.spec);
  const healthy = instanceNames(record.spec).map((name): [string, InstanceView] => {
    const postgres = name === first ? buildPrimaryState() : buildStandbyState();
    return [name, buildInstanceView(buildReport(name, { postgres }))];
  });
  const instances = new Map([...healthy, ...Object.entries(change.instances ?? {})]);
  return { record, reason: change.reason ?? 'all is well', instances, settings: new Map() };
}

/** A control plane in memory. Set `failure` to make every write throw it. */
export class FakeControlPlane implements ControlPlaneView {
  readonly views = new Map<string, ClusterView>();
  readonly switchovers: { readonly name: string; readonly request: SwitchoverRequest }[] = [];
  readonly requests: { readonly name: string; readonly request: OperatorRequest }[] = [];
  proxyStates: ProxyStatus[] = [];
  invalid: InvalidProxy[] = [];
  readonly proxyConfigs = new Map<string, ProxyConfig>();
  failure: Error | null = null;

  constructor(...views: ClusterView[]) {
    for (const view of views) this.views.set(view.record.spec.name, view);
  }

  clusters(): ClusterView[] {
    return [...this.views.values()];
  }

  cluster(name: string): ClusterView | undefined {
    return this.views.get(name);
  }

  async apply(spec: ClusterSpec): Promise<void> {
    if (this.failure) throw this.failure;
    this.views.set(spec.name, buildView({ record: buildRecord({ spec }) }));
  }

  strangers(): { cluster: string; instances: string[] }[] {
    return [];
  }

  async rebuild(spec: ClusterSpec): Promise<RebuildResult> {
    if (this.failure) throw this.failure;
    return { name: spec.name, epoch: 2, how: `${spec.name}-1 goes on as the primary` };
  }

  async scale(name: string, { instances }: ScaleRequest): Promise<ScaleResult> {
    if (this.failure) throw this.failure;
    const { spec } = this.views.get(name)!.record;
    await this.apply({ ...spec, instances });
    const leaving = instanceNames(spec).slice(instances);
    return {
      from: spec.instances,
      to: instances,
      joining: instanceNames({ name, instances }).slice(spec.instances),
      leaving,
    };
  }

  async switchover(name: string, request: SwitchoverRequest): Promise<SwitchoverResult> {
    if (this.failure) throw this.failure;
    this.switchovers.push({ name, request });
    return { from: `${name}-1`, to: request.to ?? `${name}-2`, epoch: 2, durationMs: 123, checks: ['all is well'] };
  }

  async request(name: string, request: OperatorRequest): Promise<string> {
    if (this.failure) throw this.failure;
    this.requests.push({ name, request });
    return `${request.kind} was stored`;
  }

  async wouldRequest(_name: string, request: OperatorRequest): Promise<string> {
    if (this.failure) throw this.failure;
    return `${request.kind} would be stored`;
  }

  async events({ after }: EventRequest): Promise<EventPage> {
    return { cursor: after || 'run-0', events: [] };
  }

  explain(name: string): Explanation {
    return { summary: `about ${name}`, leader: null, others: [], advice: [] };
  }

  proxies(): ProxyStatus[] {
    return this.proxyStates;
  }

  invalidProxies(): InvalidProxy[] {
    return this.invalid;
  }

  proxyConfig(id: string): ProxyConfig {
    return this.proxyConfigs.get(id) ?? { id, types: [] };
  }
}
