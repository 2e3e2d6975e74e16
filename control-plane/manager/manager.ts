/** All clusters of this control plane: a runner each; where agents, operators and the API come in. */
import type { Explanation } from '../api/explain-schema.ts';
import type {
  ClusterView,
  ControlPlaneView,
  InstanceView,
  OperatorRequest,
  RebuildResult,
  ScaleRequest,
  ScaleResult,
  SwitchoverRequest,
  SwitchoverResult,
} from '../api/view.ts';
import { type ClusterRecord, memberNames, primaryOf } from '../model/cluster-record.ts';
import { type ClusterSpec, instanceNames } from '../model/cluster-spec.ts';
import { HowdahError } from '../model/errors.ts';
import type { InstanceReport } from '../model/instance.ts';
import type { AgentHello, ControlMessage } from '../runtime/agent-protocol.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Component } from '../runtime/component.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Leadership } from '../store/leadership.ts';
import type { Store, Versioned } from '../store/store.ts';
import { explain } from './explain.ts';
import { firstRecord } from './first-record.ts';
import type { Knock } from './knock.ts';
import { changeProblems, withSpec } from './membership.ts';
import { rebuildRecord } from './rebuild.ts';
import { answerRequest, refusal } from './requests.ts';
import { ClusterRunner } from './runner.ts';
import { settingsFor } from './settings.ts';
import { SettingsChecks } from './settings-check.ts';
import { type ClusterState, observed } from './state.ts';
import { Strangers } from './strangers.ts';
import { dryRun, PendingSwitchover } from './switchover.ts';

/** An agent's stream, as the manager uses it. */
export interface AgentChannel {
  readonly hello: AgentHello;
  /** False: the stream is gone. */
  send(message: ControlMessage): boolean;
}

export interface ManagerOptions {
  readonly store: Store;
  readonly leadership: Leadership;
  readonly clock: Clock;
  /** 0 <= x < 1 */
  random(): number;
  readonly log: Logger;
  readonly knock: Knock;
  /** After every step of a cluster: route it. */
  readonly onState: (state: ClusterState) => void;
}

/** A store that did not answer when this control plane began to lead is asked again after this long, ms. */
const LEAD_RETRY_MS = 200;

interface Entry {
  readonly runner: ClusterRunner;
  /** By instance name. */
  readonly agents: Map<string, AgentChannel>;
  /** Version of the settings that each connected agent was told. */
  readonly settings: Map<string, string>;
  /** The record that all of them were told of; null = somebody was not. */
  toldOf: ClusterRecord | null;
  pending: PendingSwitchover | null;
}

export class Manager
  implements Component, Omit<ControlPlaneView, 'events' | 'proxies' | 'proxyConfig' | 'invalidProxies'>
{
  readonly name = 'manager';
  readonly #options: ManagerOptions;
  readonly #clusters = new Map<string, Entry>();
  /** In which everything here leads; null while it follows. */
  #term: number | null;
  #unwatch = () => {};
  #retry: Timer | null = null;
  #stopped = false;
  readonly #checks: SettingsChecks;
  readonly #strangers = new Strangers();

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#term = options.leadership.term();
    this.#checks = new SettingsChecks(options.clock, options.random);
  }

  async start(): Promise<void> {
    const { store } = this.#options;
    for (const stored of await store.list()) this.#add(stored);
    this.#unwatch = store.watch((name, stored) => {
      if (!stored) return;
      const entry = this.#clusters.get(name);
      if (entry) entry.runner.noteStored(stored);
      else this.#add(stored);
    });
  }

  /**
   * This control plane leads in another term than before; null: not any more. What leads next goes on from what is
   * stored, so everything is read anew before anything is decided.
   */
  onTerm(term: number | null): void {
    this.#retry?.cancel();
    this.#retry = null;
    if (term !== null) {
      void this.#lead(term);
      return;
    }
    this.#abandon('this control plane does not lead any more; the next one goes on with it: see the history');
    for (const { runner } of this.#clusters.values()) void runner.wake();
  }

  async #lead(term: number): Promise<void> {
    const { store, clock, log, leadership } = this.#options;
    let all: Versioned[];
    try {
      all = await store.list();
    } catch (error) {
      log.error({ err: error }, 'what is stored can not be read: nothing is decided yet');
      if (!this.#stopped) this.#retry = clock.after(LEAD_RETRY_MS, () => void this.#lead(term));
      return;
    }
    if (this.#stopped || leadership.term() !== term) return;
    this.#term = term;
    for (const stored of all) {
      const entry = this.#clusters.get(stored.record.spec.name);
      if (!entry) this.#add(stored);
      else {
        // Whoever led before may have told others since.
        entry.settings.clear();
        entry.toldOf = null;
        entry.runner.lead(stored, term);
        for (const [instance, { hello }] of entry.agents) {
          entry.runner.observe({ kind: 'placement', instance, placement: hello.placement });
        }
      }
    }
  }

  /** Whoever waits for a switchover is told why no answer comes. */
  #abandon(why: string): void {
    for (const { pending } of this.#clusters.values()) pending?.abandon(why);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unwatch();
    this.#retry?.cancel();
    this.#abandon('the control plane stops; a switchover that has begun goes on with the next one: see the history');
    await Promise.all([...this.#clusters.values()].map(({ runner }) => runner.stop()));
  }

  clusters(): ClusterView[] {
    return [...this.#clusters.values()].map((entry) => this.#view(entry));
  }

  cluster(name: string): ClusterView | undefined {
    const entry = this.#clusters.get(name);
    return entry && this.#view(entry);
  }

  async apply(spec: ClusterSpec): Promise<void> {
    const entry = this.#clusters.get(spec.name);
    if (!entry) return this.#create(firstRecord(spec, this.#strangers.heard(spec.name)));
    this.#check(spec.name, spec);
    await this.#checks.require(entry.runner.state, entry.agents, spec);
    entry.runner.observe({ kind: 'spec', spec });
    await entry.runner.wake();
    if (entry.runner.state.record.spec !== spec) throw new HowdahError('unavailable', entry.runner.reason);
  }

  /** Agents that report clusters which the store doesn't know. */
  strangers(): { readonly cluster: string; readonly instances: readonly string[] }[] {
    return this.#strangers.names;
  }

  async rebuild(spec: ClusterSpec, dryRun: boolean): Promise<RebuildResult> {
    const { name } = spec;
    if (this.#clusters.has(name)) {
      throw new HowdahError('failed-precondition', `the store knows the cluster ${name}: there is nothing to rebuild`);
    }
    const rebuilt = rebuildRecord(spec, this.#strangers.heard(name));
    if (rebuilt.kind === 'refused') {
      throw new HowdahError('failed-precondition', `${name} can't be rebuilt`, {
        problems: rebuilt.reasons.map((message) => ({ path: 'rebuild', message })),
      });
    }
    const { how } = rebuilt;
    const { epoch } = rebuilt.record;
    if (dryRun) return { name, epoch, how };
    const entry = {
      at: this.#options.clock.wall(),
      epoch,
      kind: 'rebuild',
      reason: `rebuilt by hand after the store was lost: ${how}`,
    };
    const record = { ...rebuilt.record, history: [entry] };
    await this.#create(record);
    return { name, epoch, how };
  }

  async scale(name: string, { instances, dryRun }: ScaleRequest): Promise<ScaleResult> {
    const { record } = this.#entry(name).runner.state;
    const names = instanceNames({ name, instances });
    const tags = Object.fromEntries(Object.entries(record.spec.tags).filter(([instance]) => names.includes(instance)));
    const spec = { ...record.spec, instances, tags };
    const { leaving } = withSpec(record, spec);
    const joining = names.filter((instance) => !memberNames(record).includes(instance));
    if (dryRun) this.#check(name, spec);
    else await this.apply(spec);
    return { from: record.spec.instances, to: instances, joining, leaving };
  }

  async switchover(name: string, request: SwitchoverRequest): Promise<SwitchoverResult> {
    const entry = this.#entry(name);
    const asked = { to: request.to ?? '', waitMs: request.waitMs ?? 0 };
    if (request.dryRun) return dryRun(entry.runner.state, asked);
    if (entry.pending) throw new HowdahError('failed-precondition', `a switchover of ${name} is under way already`);
    const pending = new PendingSwitchover(this.#options.clock, asked, entry.runner.state);
    entry.pending = pending;
    try {
      entry.runner.intend(pending.intent);
      return await pending.done;
    } finally {
      entry.pending = null;
    }
  }

  async request(name: string, request: OperatorRequest): Promise<string> {
    const { runner } = this.#entry(name);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    let text = '';
    const intent = (state: ClusterState) => {
      const answer = answerRequest(state, request);
      if (answer.kind === 'refused') reject(refusal(request, answer.reasons));
      if (answer.kind === 'nothing') resolve(answer.text);
      if (answer.kind !== 'step') return null;
      text = answer.decision.reason;
      return answer.decision;
    };
    runner.intend(intent, (error) => (error ? reject(error) : resolve(text)));
    return promise;
  }

  async wouldRequest(name: string, request: OperatorRequest): Promise<string> {
    const answer = answerRequest(this.#entry(name).runner.state, request);
    if (answer.kind === 'refused') throw refusal(request, answer.reasons);
    return answer.kind === 'nothing' ? answer.text : answer.decision.reason;
  }

  explain(name: string): Explanation {
    const { runner } = this.#entry(name);
    return explain(runner.state, runner.reason);
  }

  /** @throws HowdahError `not-found` for an instance that its cluster's spec doesn't name. */
  onHello(channel: AgentChannel): void {
    const { cluster, instance, bootId, placement } = channel.hello;
    const entry = this.#clusters.get(cluster);
    if (!entry) {
      this.#strangers.add(channel);
      return;
    }
    if (!memberNames(entry.runner.state.record).includes(instance)) {
      throw new HowdahError('not-found', `there is no instance ${instance} in a cluster ${cluster}`);
    }
    entry.agents.set(instance, channel);
    entry.settings.delete(instance);
    entry.toldOf = null;
    tellSettings(entry);
    entry.runner.observe({ kind: 'connected', instance, bootId, placement });
  }

  onReport(channel: AgentChannel, report: InstanceReport): void {
    if (this.#strangers.onReport(channel, report)) return;
    const entry = this.#clusters.get(channel.hello.cluster);
    // A stream that another one of the same instance replaced has nothing to say any more.
    if (entry?.agents.get(report.instance) !== channel) return;
    if (report.settings?.checked) this.#checks.onReport(report.settings.checked);
    entry.runner.observe({ kind: 'report', report });
    this.#renew(channel, entry.runner.state, report.seq);
  }

  onGone(channel: AgentChannel): void {
    const { cluster, instance } = channel.hello;
    this.#strangers.onGone(channel);
    const entry = this.#clusters.get(cluster);
    if (entry?.agents.get(instance) !== channel) return;
    entry.agents.delete(instance);
    entry.runner.observe({ kind: 'disconnected', instance });
  }

  /** Renews the lease of the one that leads, or is about to; nobody else has one. */
  #renew(channel: AgentChannel, { record, term }: ClusterState, seq: number): void {
    if (primaryOf(record.phase) !== channel.hello.instance) return;
    // The lease counts from when the report was sent. That was before now, and nobody else has begun to lead by now: so
    // it is over before another one, who waits for its whole length, promotes anybody.
    if (term === null || term !== this.#options.leadership.term()) return;
    channel.send({ kind: 'report-ack', seq, leaseMs: record.spec.failover.leaseMs });
  }

  #add(stored: Versioned, term = this.#term): void {
    const { store, leadership, clock, knock, onState } = this.#options;
    const name = stored.record.spec.name;
    const agents = new Map<string, AgentChannel>();
    const runner = new ClusterRunner({
      stored,
      term,
      leadership,
      store,
      clock,
      log: this.#options.log.child({ cluster: name }),
      agents: {
        sendGoal: (instance, id, goal, term) => {
          const channel = agents.get(instance);
          // An agent leads only with a lease: the word that renews it goes before the goal, so that nothing is waited for.
          const seq = goal.kind === 'lead' ? observed(runner.state, instance).report?.seq : undefined;
          if (channel && seq !== undefined) this.#renew(channel, runner.state, seq);
          return channel?.send({ kind: 'goal', id, goal, term }) ?? false;
        },
        askReport: (instance) => agents.get(instance)?.send({ kind: 'report-request' }) ?? false,
      },
      knock,
      onState: (state) => {
        onState(state);
        const entry = this.#clusters.get(name);
        if (entry) tellSettings(entry);
        entry?.pending?.onState(state);
      },
    });
    this.#clusters.set(name, { runner, agents, settings: new Map(), toldOf: null, pending: null });
    for (const { channel, report } of this.#strangers.take(name)) {
      if (!memberNames(stored.record).includes(channel.hello.instance)) continue;
      this.onHello(channel);
      if (report) this.onReport(channel, report);
    }
    void runner.wake();
  }

  /** Of a cluster that the store does not know. */
  async #create(record: ClusterRecord): Promise<void> {
    const { store, leadership } = this.#options;
    // What it leads since a moment ago may still be being read, without this one.
    const term = leadership.term();
    const stored = { record, revision: await store.put(record, 0) };
    // The store may have told of it before it answered.
    const entry = this.#clusters.get(record.spec.name);
    if (!entry) this.#add(stored, term);
    else if (term !== null && entry.runner.state.term !== term) entry.runner.lead(stored, term);
  }

  /** @throws HowdahError `failed-precondition` for what the cluster can't become now. */
  #check(name: string, spec: ClusterSpec): void {
    const problems = changeProblems(this.#entry(name).runner.state, spec);
    if (problems.length > 0) throw new HowdahError('failed-precondition', `${name} can't be changed now`, { problems });
  }

  /** @throws HowdahError `not-found` */
  #entry(name: string): Entry {
    const entry = this.#clusters.get(name);
    if (!entry) throw new HowdahError('not-found', `there is no cluster ${name}`);
    return entry;
  }

  #view({ runner }: Entry): ClusterView {
    const { state } = runner;
    const now = this.#options.clock.now();
    const instances = new Map<string, InstanceView>();
    for (const name of memberNames(state.record)) {
      const { link, report, reportAt } = observed(state, name);
      const lastReportAgoMs = report ? Math.round(now - reportAt) : null;
      instances.set(name, { connected: link.kind === 'up', lastReportAgoMs, report });
    }
    const names = memberNames(state.record);
    const settings = new Map(names.map((name) => [name, settingsFor(state.record, name).version]));
    return { record: state.record, reason: runner.reason, instances, settings };
  }
}

/** To each agent that is connected and was not told these yet; only the one that leads knows the newest record. */
function tellSettings(entry: Entry): void {
  const { runner, agents, settings: told } = entry;
  // They follow from the record alone.
  if (entry.toldOf === runner.state.record || !runner.leads()) return;
  entry.toldOf = runner.state.record;
  for (const [instance, channel] of agents) {
    const settings = settingsFor(runner.state.record, instance);
    if (told.get(instance) === settings.version) continue;
    if (channel.send({ kind: 'settings', settings })) told.set(instance, settings.version);
    else entry.toldOf = null;
  }
}
